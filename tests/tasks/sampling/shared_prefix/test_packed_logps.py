import threading

import pytest
import torch
from peft import LoraConfig, get_peft_model

from tasks.sampling.logps import collate, per_token_logps
from tasks.sampling.shared_prefix.attention import ATTENTION
from tasks.sampling.shared_prefix.packed_batch import pack_responses
from tasks.sampling.shared_prefix.packed_logps import packed_logps, packed_token_logps
from tests.tasks.sampling.shared_prefix.conftest import GROUPS, make, responses

PATHS = ("segments", "dense")


def prepare(model, path):
    if path == "segments":
        model.set_attn_implementation(ATTENTION)
    return model


def with_lora(model):
    """Return the model with an adapter that has learned something: B is 0 only at first."""
    config = LoraConfig(
        r=2,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        fan_in_fan_out=model.config.model_type == "gpt2",
    )
    adapted = get_peft_model(model, config)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return adapted


def padded(model, groups):
    batch = collate([row for group in groups for row in group], pad_token_id=0)
    return per_token_logps(model, batch), batch.completion_mask


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def assert_equal_gradients(ours, theirs):
    """Within 1e-3 of the largest entry of each gradient, all of them there in both."""
    assert ours.keys() == theirs.keys()
    assert any(grad.abs().max() > 0.01 for grad in theirs.values())
    for name, grad in theirs.items():
        error = (ours[name] - grad).norm() / grad.norm().clamp(min=1e-6)
        assert error < 1e-3, name


def weighted(logps):
    """Return a loss that gives each response a weight of its own, so that none can stand for another."""
    return (logps * torch.linspace(-1, 2, len(logps))).sum()


def assert_packed_is_padded(model, groups, path):
    expected, mask = padded(model, groups)
    theirs = gradients(model, weighted(expected.sum(dim=1)))
    prepare(model, path)
    batch = pack_responses(groups)
    tokens = packed_token_logps(model, batch, path)
    assert torch.allclose(tokens, expected[mask], atol=1e-4, rtol=0)
    sums = packed_logps(model, batch, path)
    assert torch.allclose(sums, expected.sum(dim=1), atol=1e-4, rtol=0)
    assert_equal_gradients(gradients(model, weighted(sums)), theirs)


@pytest.mark.parametrize("path", PATHS)
def test_packed_log_probabilities_and_gradients_are_those_of_padded_rows(model, groups, path):
    assert_packed_is_padded(model, groups, path)


@pytest.mark.parametrize("path", PATHS)
def test_they_are_with_a_lora_adapter_too(model, groups, path):
    adapted = with_lora(model)
    assert_packed_is_padded(adapted, groups, path)
    assert all(("lora_" in name) == p.requires_grad for name, p in adapted.named_parameters())


@pytest.mark.parametrize("path", PATHS)
def test_a_lora_adapter_learns_through_activation_checkpointing(model, path):
    """Its layers run again in the backward pass, and frozen embeddings give them no gradient."""
    batch = pack_responses(GROUPS["several prompts of different lengths"])
    adapted = prepare(with_lora(model), path).train()
    for module in adapted.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    plain = gradients(adapted, weighted(packed_logps(adapted, batch, path)))
    adapted.enable_input_require_grads()
    adapted.activation_checkpointing_enable()
    again = gradients(adapted, weighted(packed_logps(adapted, batch, path)))
    assert_equal_gradients(again, plain)


def test_eager_attention_takes_the_dense_mask(llama):
    llama.set_attn_implementation("eager")
    assert_packed_is_padded(llama, GROUPS["several prompts of different lengths"], "dense")


def test_a_response_does_not_know_its_neighbours(model):
    """Alone behind its prompt it has the log-probability that it has among others."""
    prepare(model, "segments")
    group = responses(6, 4, 2, 5)
    together = packed_logps(model, pack_responses([group, responses(3, 2)]), "segments")
    alone = [packed_logps(model, pack_responses([[row]]), "segments").item() for row in group]
    assert together[:3].tolist() == pytest.approx(alone, abs=1e-4)


def test_the_order_of_responses_only_orders_the_results(llama):
    prepare(llama, "segments")
    group = responses(6, 4, 2, 5)
    forwards = packed_logps(llama, pack_responses([group]), "segments")
    backwards = packed_logps(llama, pack_responses([group[::-1]]), "segments")
    assert backwards.tolist()[::-1] == pytest.approx(forwards.tolist(), abs=1e-5)


@pytest.mark.parametrize("path", PATHS)
def test_activation_checkpointing_changes_nothing(llama, path):
    """Layers run again in the backward pass still know the segments."""
    batch = pack_responses(GROUPS["several prompts of different lengths"])
    prepare(llama, path).train()
    plain = gradients(llama, weighted(packed_logps(llama, batch, path)))
    llama.activation_checkpointing_enable()
    runs = []
    llama.model.layers[0].input_layernorm.register_forward_hook(lambda *_: runs.append(1))
    again = gradients(llama, weighted(packed_logps(llama, batch, path)))
    assert len(runs) == 2  # it was run again
    assert_equal_gradients(again, plain)


def test_an_ordinary_forward_of_a_prepared_model_is_that_of_sdpa(model, groups):
    expected, _ = padded(model, groups)
    got, _ = padded(prepare(model, "segments"), groups)
    assert torch.equal(got, expected)


def test_threads_do_not_disturb_each_other(llama):
    """Packed batches of different shapes and ordinary rows at once, on one model."""
    prepare(llama, "segments")
    shapes = [GROUPS[name] for name in ("several prompts of different lengths", "twelve responses")]
    batches = [pack_responses(groups) for groups in shapes]
    with torch.no_grad():
        expected = [packed_logps(llama, batch, "segments") for batch in batches]
        expected.append(padded(llama, shapes[0])[0])
    wrong = []

    def ask(index):
        for _ in range(20):
            with torch.no_grad():
                if index < 2:
                    got = packed_logps(llama, batches[index], "segments")
                else:
                    got = padded(llama, shapes[0])[0]
            if got.shape != expected[index].shape or not torch.allclose(
                got, expected[index], atol=1e-5
            ):
                wrong.append(index)

    threads = [threading.Thread(target=ask, args=(index % 3,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_nothing_of_the_forward_stays_on_the_model(llama):
    batch = pack_responses(GROUPS["one response"])
    before = set(llama.state_dict())
    packed_logps(prepare(llama, "segments"), batch, "segments")
    assert set(llama.state_dict()) == before
    assert not llama.lm_head._forward_hooks
    assert not llama.lm_head._forward_pre_hooks
    assert llama(input_ids=torch.tensor([[3, 4]])).logits.shape == (1, 2, 97)


def test_a_wrapped_model_is_called_through_its_wrapper(llama):
    """As under DDP: hooks on the wrapper must run."""

    class Wrapper(torch.nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def forward(self, **arguments):
            return self.module(**arguments)

    batch = pack_responses(GROUPS["one response"])
    wrapper = Wrapper(prepare(llama, "segments"))
    calls = []
    wrapper.register_forward_hook(lambda *_: calls.append(1))
    got = packed_logps(wrapper, batch, "segments")
    assert calls == [1]
    assert torch.equal(got, packed_logps(llama, batch, "segments"))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("path", ["flex", "segments", "dense"])
def test_every_attention_on_a_gpu_gives_the_padded_rows(path):
    """FlexAttention wants heads of 16 or more; TF32 products differ by more than float32's."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=97,
        hidden_size=128,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    model = LlamaForCausalLM(config).cuda().eval()
    groups = [responses(150, 60, 30, 1), responses(20, 90)]
    rows = collate([row for group in groups for row in group], pad_token_id=0)
    expected = per_token_logps(model, rows.to(torch.device("cuda"))).sum(dim=1)
    theirs = gradients(model, expected.sum())
    model.set_attn_implementation(ATTENTION)
    got = packed_logps(model, pack_responses(groups).to(torch.device("cuda")), path)
    assert torch.allclose(got, expected, atol=0.05, rtol=1e-3)
    ours = gradients(model, got.sum())
    for name, grad in theirs.items():
        assert (ours[name] - grad).norm() / grad.norm().clamp(min=1e-6) < 0.02, name


def test_make_gives_models_whose_attention_matters():
    """Guards the tests above: without the prompt the log-probabilities are others."""
    model = prepare(make("llama"), "segments")
    [row] = responses(6, 4)
    short = type(row)(prompt_ids=row.prompt_ids[-1:], completion_ids=row.completion_ids)
    whole, cut = (packed_logps(model, pack_responses([[r]]), "segments") for r in (row, short))
    assert abs(whole.item() - cut.item()) > 0.1
