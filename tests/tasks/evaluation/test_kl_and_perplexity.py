"""KL and perplexity of small real policies."""

from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.decoders import Fuse
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from storage.input_error import InputError
from storage.tables.demonstrations import Demonstration
from storage.tables.prompts import Prompt
from storage.tables.table import Message
from tasks.evaluation.kl import kl_scores
from tasks.evaluation.params import EvaluateParams
from tasks.evaluation.perplexity import demonstration_scores
from tasks.evaluation.token_limits import token_limits
from tasks.sampling.encoding import encode
from tasks.sampling.logps import sequence_logps
from tasks.sampling.model import LoadedModel, load_model
from tasks.sampling.sample import sample

PARAMS = EvaluateParams(max_tokens=12, device="cpu")
PROMPTS = [
    Prompt(
        source="imdb",
        split="eval",
        messages=(Message("text", text),),
        cluster=text,
        origin="f:1",
    )
    for text in ("The film", "I liked", "The phone arrived")
]


def answers(loaded, params=PARAMS, num_samples=4):
    return sample(loaded, PROMPTS, policy_id="dpo", num_samples=num_samples, params=params, seed=0)


@pytest.fixture
def other_llama(other_checkpoint):
    return load_model(other_checkpoint)


def test_a_policy_has_not_moved_from_itself(tiny_llama):
    result = kl_scores(tiny_llama, tiny_llama, PROMPTS, answers(tiny_llama), PARAMS)
    assert [score.value for score in result.scores] == [0.0] * 24
    assert result.num_skipped == 0


def test_sampled_kl_is_the_log_ratio_of_the_answer_and_is_not_clamped(tiny_llama, other_llama):
    rows = answers(tiny_llama)
    result = kl_scores(tiny_llama, other_llama, PROMPTS, rows, PARAMS)
    sampled = {s.completion_id: s.value for s in result.scores if s.metric == "kl"}
    exact = [s.value for s in result.scores if s.metric == "kl/exact"]
    by_id = {prompt.prompt_id: prompt for prompt in PROMPTS}
    limits = token_limits(tiny_llama, PARAMS)
    encoded = [
        encode(
            by_id[row.prompt_id].messages,
            row.text,
            tiny_llama.tokenizer,
            max_prompt_tokens=limits.prompt,
            max_tokens=limits.both,
            ended=row.finish_reason == "stop",
        )
        for row in rows
    ]
    mine, theirs = (sequence_logps(model, encoded) for model in (tiny_llama, other_llama))
    for row, logp, ref_logp in zip(rows, mine, theirs, strict=True):
        assert sampled[row.completion_id] == pytest.approx(logp - ref_logp, abs=1e-3)
    assert min(exact) >= 0


def test_answers_that_are_written_with_other_tokens_than_they_were_drawn_with_are_counted(
    tiny_llama,
):
    """An untrained policy draws byte fragments that no tokenizer would write."""
    rows = answers(tiny_llama)
    changed = kl_scores(tiny_llama, tiny_llama, PROMPTS, rows, PARAMS).num_retokenized
    limits = token_limits(tiny_llama, PARAMS)
    lengths = [
        len(
            encode(
                PROMPTS[0].messages,
                row.text,
                tiny_llama.tokenizer,
                max_prompt_tokens=9,
                max_tokens=9 + limits.both,
                ended=row.finish_reason == "stop",
            ).completion_ids
        )
        for row in rows
    ]
    assert 0 < changed == sum(a != row.num_tokens for a, row in zip(lengths, rows, strict=True))


def letter_policy(seed):
    """Return a random policy that writes letters: each text has exactly one tokenisation."""
    vocabulary = {"<end>": 0} | {letter: index for index, letter in enumerate("abcdefgh", start=1)}
    letters = Tokenizer(WordLevel(vocabulary, unk_token="<end>"))
    letters.pre_tokenizer = Split("", "isolated")
    letters.decoder = Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=letters, eos_token="<end>", pad_token="<end>"
    )
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=9,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config).eval()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return LoadedModel(model=model, tokenizer=tokenizer, device=torch.device("cpu"))


def test_both_kl_estimators_have_one_mean():
    """The exact one is the conditional expectation of the sampled one at every step."""
    policy, reference = letter_policy(0), letter_policy(1)
    asked = [replace(PROMPTS[0], messages=(Message("text", "abc"),))]
    rows = sample(policy, asked, policy_id="dpo", num_samples=600, params=PARAMS, seed=0)
    result = kl_scores(policy, reference, asked, rows, PARAMS, batch_size=600)
    assert (result.num_skipped, result.num_retokenized) == (0, 0)
    pairs = {}
    for score in result.scores:
        pairs.setdefault(score.completion_id, {})[score.metric] = score.value
    differences = [pair["kl"] - pair["kl/exact"] for pair in pairs.values()]
    mean = sum(differences) / len(differences)
    spread = (sum((d - mean) ** 2 for d in differences) / len(differences)) ** 0.5
    assert abs(mean) < 4 * spread / len(differences) ** 0.5
    assert min(pair["kl"] for pair in pairs.values()) < 0  # single answers fall below zero


@pytest.mark.parametrize("change", [{"temperature": 0.7}, {"top_p": 0.9}])
def test_answers_that_were_not_drawn_from_the_policy_have_no_kl(tiny_llama, change):
    params = PARAMS.model_copy(update=change)
    assert not params.measures_kl
    with pytest.raises(InputError, match="temperature 1 and top_p 1"):
        kl_scores(tiny_llama, tiny_llama, PROMPTS, answers(tiny_llama, params), params)


def test_an_answer_to_an_unknown_prompt_is_an_error(tiny_llama):
    with pytest.raises(ValueError, match="prompts that are not given"):
        kl_scores(tiny_llama, tiny_llama, PROMPTS[:1], answers(tiny_llama), PARAMS)


def demonstration(completion, prompt="The film"):
    return Demonstration(
        prompt_id=prompt,
        source="imdb",
        split="eval",
        messages=(Message("text", prompt),),
        completion=completion,
        origin="f:1",
    )


def test_demonstrations_are_scored_in_nats_over_their_tokens(tiny_llama):
    rows = [demonstration(" was a joy."), demonstration(" was dull."), demonstration(" x", "I")]
    result = demonstration_scores(tiny_llama, rows, PARAMS, policy_id="sft")
    encoded = [
        encode(
            row.messages, row.completion, tiny_llama.tokenizer, max_prompt_tokens=99, max_tokens=128
        )
        for row in rows
    ]
    nats = [score.value for score in result.scores if score.metric == "demonstration/nats"]
    tokens = [score.value for score in result.scores if score.metric == "demonstration/tokens"]
    assert nats == pytest.approx([-logp for logp in sequence_logps(tiny_llama, encoded)], rel=1e-4)
    assert tokens == [len(row.completion_ids) for row in encoded]
    assert [(s.prompt_id, s.item) for s in result.scores][::2] == [
        ("The film", 0),
        ("The film", 1),
        ("I", 0),
    ]
    assert len({score.score_id for score in result.scores}) == 6


def test_a_demonstration_longer_than_the_limits_is_scored_up_to_there(tiny_llama):
    result = demonstration_scores(
        tiny_llama, [demonstration(" word" * 100)], PARAMS, policy_id="sft"
    )
    limits = token_limits(tiny_llama, PARAMS)
    prompt = encode(
        (Message("text", "The film"),),
        None,
        tiny_llama.tokenizer,
        max_prompt_tokens=99,
        max_tokens=99,
    )
    assert result.scores[1].value == limits.both - len(prompt.prompt_ids)
    assert limits.both <= 128


def test_no_demonstrations_give_no_scores(tiny_llama):
    result = demonstration_scores(tiny_llama, [], PARAMS, policy_id="sft")
    assert (result.scores, result.num_skipped) == ((), 0)
