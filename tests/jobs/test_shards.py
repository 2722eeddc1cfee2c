import itertools

import psutil
import pytest
from tests.jobs.works import case, write

from tomosplat.errors import InputError
from tomosplat.jobs import Shard, run_cases


def share(costs: dict[str, float], index: int, count: int) -> list[str]:
    return Shard(index, count).share(list(costs), cost=costs.__getitem__, name=str)


COSTS = {f"case-{i}": float(1 + i * i % 17) for i in range(40)}


@pytest.mark.parametrize("count", [1, 2, 3, 7, 60])
def test_shards_are_a_division_in_which_none_has_more_than_its_share_and_one_case(count):
    shares = [share(COSTS, index, count) for index in range(count)]
    assert sorted(itertools.chain(*shares)) == sorted(COSTS)
    loads = [sum(COSTS[name] for name in names) for names in shares]
    assert max(loads) - min(loads) <= max(COSTS.values())


def test_items_without_cost_are_divided_too():
    assert [len(share(dict.fromkeys("abcdef", 0.0), index, 3)) for index in range(3)] == [2, 2, 2]


def test_every_process_finds_the_same_division_whatever_order_it_lists_in():
    backwards = dict(reversed(COSTS.items()))
    for index in range(3):
        assert share(COSTS, index, 3) == share(backwards, index, 3)
        assert [COSTS[name] for name in share(COSTS, index, 3)] == sorted(
            (COSTS[name] for name in share(COSTS, index, 3)), reverse=True
        )


def test_shards_in_one_folder_give_what_the_whole_gives(tmp_path):
    cases = [case(f"case-{i}", cost=i + 1.0) for i in range(7)]
    run_cases(cases, write, tmp_path / "whole")
    for index in range(3):
        shard = Shard(index, 3)
        mine = shard.share(cases, cost=lambda case: case.cost, name=lambda case: case.id)
        run_cases(mine, write, tmp_path / "shards", shard=shard)

    def outputs(folder):
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.txt")}

    assert outputs(tmp_path / "shards") == outputs(tmp_path / "whole")
    assert len(outputs(tmp_path / "whole")) == 14
    assert len(list((tmp_path / "shards").glob("cases-*-of-3.jsonl"))) == 3


def test_shards_of_one_division_work_side_by_side_and_no_others(tmp_path):
    holder = psutil.Process()
    (tmp_path / ".lock-0-of-2").write_text(f"{holder.pid} {holder.create_time()}")
    assert run_cases([case("a")], write, tmp_path, shard=Shard(1, 2)).done == ("a",)
    for other in (Shard(0, 2), Shard(0, 3), Shard()):
        with pytest.raises(InputError, match=str(holder.pid)):
            run_cases([case("a")], write, tmp_path, shard=other)


@pytest.mark.parametrize(("index", "count"), [(-1, 2), (2, 2), (0, 0)])
def test_shards_that_there_are_not_are_refused(index, count):
    with pytest.raises(InputError, match="numbered from 0"):
        Shard(index, count)
