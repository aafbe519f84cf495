"""Measure what does the same work in two ways, in turns within one run; run it as a script.

D2O with packed and with padded responses (prompt 256, response 64, K = 11), the LM head in chunks and
with full logits, DPO packed and through TRL, and sampling with the prompt computed once and with
`generate`. Ratios above 1 are in favour of the first. Seconds are those of this process on all
threads, so neighbours do not count. Peak memory is that of a process of its own, beyond what it holds
before the first step.

FLOP utilisation is what PyTorch's counter says of one round, by the seconds that it took, against the
rate of a large matrix product measured in the same run. Work that a way repeats or throws away counts:
a low number is waste of time, a high one need not be useful work.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from tasks.sampling.encoding import Encoded
from tasks.sampling.model import LoadedModel
from tasks.sampling.rollout import rollout
from tasks.sampling.shared_prefix.attention import ATTENTION
from tasks.sampling.shared_prefix.token_logps import token_logps
from tasks.training.base.scratch_model import train_tokenizer
from tasks.training.d2o.d2o_objective import D2OObjective
from tasks.training.d2o.params import D2OParams
from tasks.training.dpo.encode_pairs import EncodedPairs
from tasks.training.dpo.encoded_dpo_trainer import EncodedDPOTrainer
from tasks.training.dpo.params import DPOParams
from tasks.training.dpo.train_dpo import packed_trainer
from tasks.training.preference.preference_batch import PreferenceExample
from tasks.training.preference.preference_engine import PackedEngine, PaddedEngine
from tasks.training.run.quiet_trl import quiet_trl


def random_model(vocab_size: int, width: int, layers: int) -> PreTrainedModel:
    """Return a Llama-type model with random weights and heads of 64."""
    torch.manual_seed(0)
    heads = width // 64
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab_size,
            hidden_size=width,
            intermediate_size=8 * width // 3,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
        )
    )


def random_rows(prompt: int, lengths: Sequence[int], vocab_size: int) -> tuple[Encoded, ...]:
    """Return responses of the given lengths to one prompt, all of random tokens."""

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(torch.randint(vocab_size, (count,)).tolist())

    ids = tokens(prompt)
    return tuple(Encoded(prompt_ids=ids, completion_ids=tokens(count)) for count in lengths)


def d2o_steps() -> dict[str, Callable[[], None]]:
    """Return a whole optimizer step of D2O at K = 11, packed and padded."""
    model = random_model(2048, 384, 8)
    model.set_attn_implementation(ATTENTION)
    rows = random_rows(256, [64] * 12, 2048)
    example = PreferenceExample(encoded=rows, ref_logps=(-488.0,) * 12)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
    objective = D2OObjective(D2OParams())

    def step(engine: PackedEngine | PaddedEngine) -> None:
        batch = engine.collate([example])
        logps = engine.logps(model, batch)
        objective(
            logps, batch["ref_logps"], batch["num_responses"], batch["response_lengths"]
        ).loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)

    for parameter in model.parameters():  # gradients and moments are there before memory is read
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()

    def recomputing() -> None:
        model.train()
        model.activation_checkpointing_enable()
        step(PackedEngine("segments"))
        model.activation_checkpointing_disable()

    return {
        "packed": lambda: step(PackedEngine("segments")),
        "packed, recomp.": recomputing,
        "padded": lambda: step(PaddedEngine(0)),
    }


def head_steps() -> dict[str, Callable[[], None]]:
    """Return forward and backward of an LM head at the 768 scored of 3840 positions and at all."""
    vocab_size, width, scored, positions = 50257, 384, 768, 3840
    head = torch.nn.Linear(width, vocab_size, bias=False)
    head.weight.grad = torch.zeros_like(head.weight)

    def chunked() -> None:
        hidden = torch.randn(scored, width, requires_grad=True)
        token_logps(hidden, head, torch.randint(vocab_size, (scored,))).sum().backward()

    def full(count: int) -> None:
        hidden = torch.randn(count, width, requires_grad=True)
        targets = torch.randint(vocab_size, (count, 1))
        head(hidden).log_softmax(dim=-1).gather(-1, targets).sum().backward()

    return {
        "chunked": chunked,
        "full, scored": lambda: full(scored),
        "full, all": lambda: full(positions),
    }


def dpo_trainings(start: Path) -> dict[str, Callable[[], None]]:
    """Return two DPO steps on ragged pairs: packed, TRL precomputed, TRL with its defaults."""
    from datasets import Dataset
    from trl.trainer.dpo_config import DPOConfig

    tokenizer = train_tokenizer(["a text of no matter"], vocab_size=300, context_tokens=512)
    random_model(4096, 320, 7).save_pretrained(start)
    rows = []
    for _ in range(16):
        prompt, *lengths = (int(torch.randint(*bounds, ())) for bounds in _DPO_LENGTHS)
        chosen, rejected = random_rows(prompt, lengths, 4096)
        rows.append(
            {
                "prompt_ids": list(chosen.prompt_ids),
                "chosen_ids": list(chosen.completion_ids),
                "rejected_ids": list(rejected.completion_ids),
            }
        )
    arguments = {
        "output_dir": str(start),
        "per_device_train_batch_size": 8,
        "max_steps": 2,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": False,
        "report_to": "none",
        "save_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
    }

    def loaded() -> LoadedModel:
        model = LlamaForCausalLM.from_pretrained(start)
        return LoadedModel(model, tokenizer, torch.device("cpu"))

    def trl(**config: object) -> Callable[[], None]:
        trainer = EncodedDPOTrainer(
            model=loaded().model,
            args=DPOConfig(**arguments, **config, max_length=None),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        )
        return lambda: trainer.train() and None

    packs = loaded()
    packs.model.set_attn_implementation(ATTENTION)
    pairs = EncodedPairs(kept=tuple(rows), ids=("",) * len(rows), dropped=())
    ours = packed_trainer(packs, pairs, DPOParams(bf16="no"), arguments, PackedEngine("segments"))
    return {
        "packed": lambda: ours.train() and None,
        "TRL precomputed": trl(precompute_ref_log_probs=True, activation_checkpointing=False),
        "TRL default": trl(),
    }


_SAMPLED = (8, 128, 8, 64)  # prompts, their tokens, samples of each, tokens of a sample


def sampling_rounds() -> dict[str, Callable[[], None]]:
    """Return a draw of 8 samples of each of 8 prompts, by `rollout` and by `generate`."""
    num_prompts, width, num_samples, length = _SAMPLED
    model = random_model(4096, 192, 6).eval()
    tokenizer = train_tokenizer(["a text of no matter"], vocab_size=300, context_tokens=512)
    loaded = LoadedModel(model, tokenizer, torch.device("cpu"))
    prompts = torch.randint(4095, (num_prompts, width))
    model.generation_config.eos_token_id = tokenizer.eos_token_id  # drawn once in 4096 tokens
    model.generation_config.pad_token_id = 0

    def ours() -> None:
        numbers = torch.rand(num_prompts * num_samples, length, dtype=torch.float64)
        rollout(loaded, prompts.tolist(), numbers, temperature=1.0, top_p=1.0)

    @torch.inference_mode()
    def generated() -> None:
        model.generate(
            prompts,
            attention_mask=torch.ones_like(prompts),
            do_sample=True,
            top_k=0,
            max_new_tokens=length,
            num_return_sequences=num_samples,
        )

    return {"rollout": ours, "generate": generated}


_DPO_LENGTHS = ((16, 225), (24, 129), (24, 129))
_TURNS = 3


def in_turns(ways: dict[str, Callable[[], None]], turns: int = _TURNS) -> dict[str, float]:
    """Return the median seconds of each way, after one round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns + 1):
        for name, way in ways.items():
            started = time.process_time()  # of this process: neighbours do not count
            way()
            if turn:
                seconds[name].append(time.process_time() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def peak_mebibytes(section: str, way: str) -> float:
    """Return by how much two rounds of one way raise the peak memory of a process of its own."""
    command = [sys.executable, __file__, "--peak", section, way]
    # freed blocks go back to the system: the peak is then what the work holds, not what malloc kept
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout.split()[-1])


def print_peak(section: str, way: str) -> None:
    """Print what `peak_mebibytes` reads."""
    run = _SECTIONS[section]()[way]
    before = _kibibytes("VmRSS")
    run()
    run()
    sys.stdout.write(f"{(_kibibytes('VmHWM') - before) / 1024:.1f}\n")


def _kibibytes(entry: str) -> int:
    """Return a memory figure of this process; getrusage's maximum is inherited from the parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{entry}:")[2].split()[0])


_SECTIONS = {"D2O step": d2o_steps, "LM head": head_steps, "sampling": sampling_rounds}


def matrix_product_rate() -> float:
    """Return the FLOPs in a second of this process that a large float32 matrix product reaches."""
    size = 2048
    left, right = torch.randn(size, size), torch.randn(size, size)
    rates = []
    for _ in range(8):
        started = time.process_time()
        torch.mm(left, right)
        rates.append(2 * size**3 / (time.process_time() - started))
    return max(rates)


def counted_flops(way: Callable[[], None]) -> int:
    """Return the FLOPs of one round as PyTorch counts them."""
    with FlopCounterMode(display=False) as counter:
        way()
    return int(counter.get_total_flops())


def print_ways(
    section: str, ways: dict[str, Callable[[], None]], rate: float, *, peak: bool
) -> None:
    """Print a line for each way of a section."""
    seconds = in_turns(ways)
    first = next(iter(seconds))
    memory = {way: peak_mebibytes(section, way) for way in seconds} if peak else {}
    for way, spent in seconds.items():
        used = counted_flops(ways[way]) / spent / rate
        line = f"{section:10s}{way:16s}{spent:8.2f} CPU-s  x{spent / seconds[first]:.2f}"
        line += f"  {used:4.0%} of the matrix product's rate"
        if memory:
            line += f"{memory[way]:8.0f} MiB  x{memory[way] / memory[first]:.2f}"
        sys.stdout.write(line + "\n")


def main() -> None:
    """Print one line for each way of each section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[*_SECTIONS, "DPO"])
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        print_peak(*given.peak)
        return
    rate = matrix_product_rate()
    sys.stdout.write(f"a 2048 x 2048 matrix product: {rate / 1e9:.0f} GFLOP per CPU-s\n")
    for section, make in _SECTIONS.items():
        if given.only in {None, section}:
            print_ways(section, make(), rate, peak=section != "sampling")
    if given.only in {None, "DPO"}:
        with tempfile.TemporaryDirectory() as directory, quiet_trl():
            print_ways("DPO", dpo_trainings(Path(directory)), rate, peak=False)


if __name__ == "__main__":
    main()
