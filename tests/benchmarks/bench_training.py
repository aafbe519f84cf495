"""Measure training and sampling on this machine's device; run it as a script.

Example: `python tests/benchmarks/bench_training.py --model scratch:tiny --steps 40`. It prints tokens
per second of each training method (prompt and completions of every row, padding excluded) and of
sampling, each after a warm-up run of two steps; the methods differ in what a step does, so compare
one method between machines or settings.

`--side-by-side` compares instead what does the same work in two ways, in turns within one run: D2O
with packed and with padded responses (prompt 256, response 64, K = 11), DPO packed and through TRL,
and the LM head in chunks and with full logits. Ratios above 1 are in favour of the first. Peak
memory is that of a process of its own, beyond what it holds before the first step.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from storage.tables.demonstrations import Demonstration
from storage.tables.examples import Example
from storage.tables.negatives import Negative
from storage.tables.pairs import PreferencePair
from storage.tables.prompts import Prompt
from tasks.curation.placed_rows import placed_rows
from tasks.ingest.params import IngestParams
from tasks.ingest.read_source import read_source
from tasks.sampling.encoding import Encoded
from tasks.sampling.model import LoadedModel, load_model
from tasks.sampling.params import SamplingParams
from tasks.sampling.sample import sample
from tasks.sampling.shared_prefix.attention import ATTENTION
from tasks.sampling.shared_prefix.token_logps import token_logps
from tasks.training.base.base_model import make_base_model
from tasks.training.base.scratch_model import train_tokenizer
from tasks.training.d2o.d2o_objective import D2OObjective
from tasks.training.d2o.params import D2OParams
from tasks.training.d2o.train_d2o import train_d2o
from tasks.training.dpo.encoded_dpo_trainer import EncodedDPOTrainer, quiet_trl
from tasks.training.dpo.params import DPOParams
from tasks.training.dpo.train_dpo import packed_trainer, train_dpo
from tasks.training.preference.preference_batch import PreferenceExample
from tasks.training.preference.preference_engine import PackedEngine, PaddedEngine
from tasks.training.run.run_files import RunFiles
from tasks.training.run.training_result import TrainingResult
from tasks.training.sft.params import SFTParams
from tasks.training.sft.train_sft import train_sft


@dataclass(frozen=True, slots=True)
class Data:
    """Generated reviews as prompts, demonstrations, pairs and negatives."""

    prompts: Sequence[Prompt]
    demonstrations: Sequence[Demonstration]
    pairs: Sequence[PreferencePair]
    negatives: Sequence[Negative]


def make_data(num_rows: int, num_samples: int) -> Data:
    """Return rows whose answers are reviews of other prompts: right in size, wrong in sense."""
    params = IngestParams(num_reviews=num_rows + num_samples + 1)
    examples = [example for _, example in read_source(params) if isinstance(example, Example)]
    rows = [row for example in examples for row in placed_rows(example, cluster="", split="train")]
    texts = [row for row in rows if isinstance(row, Demonstration)]
    prompts = [row for row in rows if isinstance(row, Prompt)]
    pairs = [
        PreferencePair(
            prompt_id=row.prompt_id,
            source=row.source,
            split=row.split,
            messages=row.messages,
            chosen=row.completion,
            rejected=texts[index + 1].completion,
            labeler_kind="dataset",
            labeler="none",
            origin=row.origin,
        )
        for index, row in enumerate(texts[:num_rows])
    ]
    negatives = [
        Negative(
            prompt_id=pair.prompt_id,
            source=pair.source,
            split=pair.split,
            messages=pair.messages,
            rejected=pair.rejected,
            anchors=tuple(text.completion for text in texts[index : index + num_samples]),
            origin=pair.origin,
        )
        for index, pair in enumerate(pairs)
    ]
    return Data(prompts=prompts, demonstrations=texts, pairs=pairs, negatives=negatives)


def timed(train: Callable[[int, Path], TrainingResult], steps: int) -> str:
    """Return the throughput of `steps` steps, after two that are not counted."""
    with tempfile.TemporaryDirectory() as directory:
        train(2, Path(directory))
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        result = train(steps, Path(directory))
    line = f"{result.num_tokens / result.train_seconds:12,.0f} tokens/s"
    line += f"  {result.train_seconds / result.num_steps * 1000:8.0f} ms/step"
    if torch.cuda.is_available():
        line += f"  {torch.cuda.max_memory_allocated() / 2**30:6.1f} GiB"
    return line


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
        objective(logps, batch["ref_logps"], batch["num_responses"]).loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)

    for parameter in model.parameters():  # gradients and moments are there before memory is read
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return {
        "packed": lambda: step(PackedEngine("segments")),
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
    ours = packed_trainer(packs, rows, DPOParams(bf16="no"), arguments, PackedEngine("segments"))
    return {
        "packed": lambda: ours.train() and None,
        "TRL precomputed": trl(precompute_ref_log_probs=True, activation_checkpointing=False),
        "TRL default": trl(),
    }


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
    done = subprocess.run(command, check=True, capture_output=True, text=True)
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


_SECTIONS = {"D2O step": d2o_steps, "LM head": head_steps}


def side_by_side() -> None:
    """Print times and peak memory of the same work done in several ways, and their ratios."""
    out = sys.stdout.write
    for section, make in _SECTIONS.items():
        seconds = in_turns(make())
        memory = {way: peak_mebibytes(section, way) for way in seconds}
        first = next(iter(seconds))
        for way, spent in seconds.items():
            out(f"{section:10s}{way:16s}{spent:8.2f} CPU-s  x{spent / seconds[first]:.2f}")
            out(f"{memory[way]:10.0f} MiB  x{memory[way] / memory[first]:.2f}\n")
    with tempfile.TemporaryDirectory() as directory, quiet_trl():
        seconds = in_turns(dpo_trainings(Path(directory)))
    for way, spent in seconds.items():
        out(f"{'DPO':10s}{way:16s}{spent:8.2f} CPU-s  x{spent / seconds['packed']:.2f}\n")


def main() -> None:
    """Print one line per method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="scratch:tiny")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--samples", type=int, default=7, help="K of D2O")
    parser.add_argument("--side-by-side", action="store_true")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        print_peak(*given.peak)
        return
    if given.side_by_side:
        side_by_side()
        return
    data = make_data(given.batch_size * given.steps, given.samples)
    size = {"batch_size": given.batch_size, "epochs": 1000}
    sft = SFTParams(batch_size=max(24, given.batch_size), epochs=1000)
    out = sys.stdout.write
    with tempfile.TemporaryDirectory() as directory:
        start = make_base_model(given.model, data.demonstrations, sft, Path(directory))
        loaded = load_model(start)
        num = sum(p.numel() for p in loaded.model.parameters())
        out(f"{given.model}: {num / 1e6:.1f}M parameters on {loaded.device}\n")
        methods: dict[str, Callable[[int, Path], TrainingResult]] = {
            "SFT": lambda n, to: train_sft(
                data.demonstrations,
                sft.model_copy(update={"max_steps": n}),
                RunFiles(start=start, out=to),
            ),
            "DPO": lambda n, to: train_dpo(
                data.pairs, DPOParams(**size, max_steps=n), RunFiles(start=start, out=to)
            ),
            f"D2O, K = {given.samples}": lambda n, to: train_d2o(
                data.negatives,
                D2OParams(**size, max_steps=n, max_kl=1e9),
                RunFiles(start=start, out=to),
            ),
        }
        for name, train in methods.items():
            out(f"{name:14s}{timed(train, given.steps)}\n")
        asked = list(islice(data.prompts, 4 * given.batch_size))
        started = time.monotonic()
        drawn = sample(
            loaded, asked, policy_id="bench", num_samples=8, params=SamplingParams(), seed=0
        )
        seconds = time.monotonic() - started
        tokens = sum(row.num_tokens for row in drawn)
        out(f"{'sampling':14s}{tokens / seconds:12,.0f} tokens/s\n")


if __name__ == "__main__":
    main()
