"""Which answer a label says is better than which other one."""

from functools import lru_cache
from itertools import combinations

from tasks.annotation.comparison_item import BOTH_BAD, SKIP, TIE


@lru_cache(maxsize=4_096)
def implied_orders(choice: str, worst: str | None, sides: str) -> tuple[str, ...]:
    """Return the orders that a label of an item with these sides implies; `ab`: a is better than b.

    The best answer is better than every other one, and every other one is better than the worst:
    2 N - 3 orders of N answers, N - 1 where no worst one of three or more is named. What is no
    choice of a side implies none.
    """
    if choice not in sides:
        return ()
    orders = [
        first + second if first == choice or second == worst else second + first
        for first, second in combinations(sides, 2)
        if {first, second} & {choice, worst}
    ]
    return tuple(orders)


@lru_cache(maxsize=4_096)
def can_be_said(choice: str, worst: str | None, sides: str) -> bool:
    """Tell whether a label can say this of an item with these sides."""
    if len(choice) != 1 or choice not in sides:
        return choice in {TIE, BOTH_BAD, SKIP}
    return worst is None or (len(worst) == 1 and worst in sides and worst != choice)
