"""What two processes under accelerate's launcher do for the tests: several trainings, then FSDP2.

`python -m accelerate.commands.launch ... -m tests.tasks.training.launch.two_processes DIRECTORY`
"""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from tasks.sampling.encoding import Encoded
from tasks.sampling.model import LoadedModel, load_model
from tasks.sampling.shared_prefix.packed_batch import pack_responses
from tasks.sampling.shared_prefix.packed_logps import packed_logps
from tasks.sampling.shared_prefix.support import supports_shared_prefix
from tasks.training.dpo.params import DPOParams
from tasks.training.launch.child import announce, part, train_job
from tasks.training.launch.gathered_weights import gathered_weights
from tasks.training.launch.ranks import from_first_rank, mean_over_ranks, on_any_rank, rank
from tasks.training.run.load_for_training import load_for_training
from tasks.training.run.save_policy import save_policy

PROMPTS = [
    [Encoded(prompt_ids=(5, 9, 12), completion_ids=ids) for ids in ((7, 8, 2), (11, 2))],
    [Encoded(prompt_ids=(21, 3), completion_ids=ids) for ids in ((14, 2), (31, 40, 17, 2))],
]


def backward(loaded: LoadedModel, groups: list[list[Encoded]]) -> list[float]:
    """Return the log-probabilities of the responses; their mean is in the gradients then."""
    path = supports_shared_prefix(loaded.model, max_tokens=64).path
    loaded.model.train()
    logps = packed_logps(loaded.model, pack_responses(groups), path)
    logps.mean().backward()
    return logps.tolist()


def compare_sharded(start: Path, out: Path) -> dict[str, float]:
    """Return how far a model that FSDP2 cuts in two is from a whole one, and save it."""
    whole, cut = load_model(start), load_model(start)
    expected = backward(whole, PROMPTS)
    supports_shared_prefix(cut.model, max_tokens=64)  # as trainers do, before it is cut
    mesh = init_device_mesh("cpu", (2,))
    for layer in cut.model.model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(cut.model, mesh=mesh)
    logps = backward(cut, PROMPTS[rank() : rank() + 1])
    gradients = {
        name: parameter.grad.full_tensor() for name, parameter in cut.model.named_parameters()
    }
    largest = max(float(p.grad.abs().max()) for p in whole.model.parameters())
    weights = gathered_weights(cut.model)
    save_policy(cut, out)
    return {
        "logps": max(
            abs(a - b) for a, b in zip(logps, expected[2 * rank() : 2 * rank() + 2], strict=True)
        ),
        "gradient": max(
            float((gradients[name] - p.grad).abs().max()) / largest
            for name, p in whole.model.named_parameters()
        ),
        "pieces": sum(p.to_local().numel() for p in cut.model.parameters())
        / sum(p.numel() for p in whole.model.parameters()),
        "gathered": float(len(weights)),
    }


def save_sharded_adapter(start: Path, whole: Path, cut: Path) -> None:
    """Save a policy with an adapter that FSDP2 has cut in two, and before that as it is."""
    params = DPOParams(lora_rank=4, device="cpu", bf16="no")
    loaded = load_for_training(start, params)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in loaded.model.named_parameters():
            if "lora_B" in name:  # an untrained adapter adds nothing
                parameter.normal_(generator=generator)
    save_policy(loaded, whole)
    mesh = init_device_mesh("cpu", (2,))
    for layer in loaded.model.base_model.model.model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(loaded.model, mesh=mesh)
    save_policy(loaded, cut)


def agree() -> dict[str, object]:
    """Return what the processes come to agree on."""
    return {
        "from first": from_first_rank(10.0 + rank()),
        "on any": on_any_rank(rank() == 1),
        "on none": on_any_rank(flag=False),
        "mean": mean_over_ranks({"a": 1.0 + rank()} | ({"b": 4.0} if rank() else {})),
    }


def main() -> None:
    directory = Path(sys.argv[1])
    announce(directory, str(rank()))
    for job in sorted(directory.glob("job-*")):
        train_job(job)
    seen = {"agreed": agree(), "sharded": compare_sharded(directory / "start", directory / "cut")}
    save_sharded_adapter(
        directory / "start", directory / "whole-adapter", directory / "cut-adapter"
    )
    (directory / f"seen-{rank()}.json").write_text(json.dumps(seen), encoding="utf-8")
    dist.barrier()
    part()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
