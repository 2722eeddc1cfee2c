"""Processes that train together, as torchrun starts them: each draws a part of a step's crops, gradients are added up.

That is what torch's DistributedDataParallel does for gradients that are accumulated (all but the last backward pass
under ``no_sync``), written out: the network is asked in more ways than by its ``forward`` alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

from tomosplat.errors import InputError

#: While the first process bakes looks, the others wait; torchrun ends them if it dies.
_PATIENCE = timedelta(days=7)


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; by default it is alone.

    Attributes:
        rank: Which, from 0.
        count: How many.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def share(self, n: int) -> range:
        """Which of ``n`` crops are this process's: every ``count``-th."""
        return range(self.rank, n, self.count)

    def add_up(self, network: nn.Module, sums: Tensor) -> Tensor:
        """Add up the gradients of all processes in place, and other float64 numbers, which are returned.

        Two processes with one crop each give what one gives with two, to the bit: a + b is b + a. More are added in
        another order than one process would, and agree to rounding.
        """
        if self.count == 1:
            return sums
        gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(flat)
        distributed.all_reduce(sums)
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))
        return sums

    def take_from_first(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite tensors by those of the first process: other processors may round otherwise."""
        if self.count > 1:
            for tensor in tensors:
                data = tensor.detach().contiguous()
                distributed.broadcast(data, src=0)
                tensor.detach().copy_(data)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            distributed.barrier()

    def check_same(self, what: str) -> None:
        """Pass if all processes say the same.

        Raises:
            InputError: They do not.
        """
        if self.count > 1:
            said: list[str | None] = [None] * self.count
            distributed.all_gather_object(said, what)
            if len(set(said)) > 1:
                raise InputError(
                    "the processes train with other settings: start all with the same options, and give --bf16 True or "
                    "False where not all processors have it"
                )


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the processes that torchrun has started, on the CPU (gloo); without torchrun, be alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Ranks()
        return
    distributed.init_process_group("gloo", timeout=_PATIENCE)
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
