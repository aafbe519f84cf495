import pytest

from storage.input_error import InputError
from tasks.judging.classifier_labels import preferred_class


@pytest.mark.parametrize(
    ("labels", "preferred"),
    [
        pytest.param(["NEGATIVE", "POSITIVE"], 1, id="as siebert/sentiment-roberta-large-english"),
        pytest.param(["positive", "negative"], 0, id="the first class is preferred"),
        pytest.param(["neg", "pos"], 1, id="short"),
        pytest.param(["LABEL_0", "LABEL_1"], 1, id="classes that nobody named"),
        pytest.param(["LABEL_0"], None, id="one logit"),
        pytest.param(["positive"], None, id="one logit with a name"),
    ],
)
def test_the_preferred_class_is_found_by_its_name(labels, preferred):
    assert preferred_class(labels, model="m") == preferred


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        pytest.param(["toxic", "harmless"], "knows 'toxic', 'harmless';", id="other names"),
        pytest.param(["negative", "neutral", "positive"], "'neutral'", id="three classes"),
        pytest.param(["positive", "LABEL_1"], "exactly one", id="two preferred"),
        pytest.param(["not positive", "negative"], "'not positive'", id="a longer name"),
        pytest.param([], "knows no class", id="none"),
    ],
)
def test_other_classes_are_refused(labels, message):
    with pytest.raises(InputError, match=message) as refusal:
        preferred_class(labels, model="m")
    assert "classifier 'm'" in str(refusal.value)
    assert "rename it in id2label" in str(refusal.value)


def test_classes_that_may_hold_together_are_refused():
    with pytest.raises(InputError, match="of which several may hold at once"):
        preferred_class(["a", "positive"], model="m", problem_type="multi_label_classification")
