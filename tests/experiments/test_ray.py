"""Runs on a Ray cluster of several nodes, one of which is lost on the way: the rows are those of this process."""

from __future__ import annotations

import pytest
from grids import check_same_rows, make_jobs, make_task

from counterpoise.errors import MissingExtraError, SettingsError
from counterpoise.experiments.executors.choice import make_executor
from counterpoise.experiments.executors.in_process import InProcess
from counterpoise.experiments.executors.ray_cluster import RayCluster
from counterpoise.experiments.grid import fill
from counterpoise.experiments.store import Store

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def cluster():
    """Three nodes of one core each, on this machine."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.workers = [made.add_node(num_cpus=1) for _ in range(2)]
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.mark.slow
def test_a_node_is_lost_midway(cluster, tmp_path) -> None:
    task = make_task()
    jobs = make_jobs(task, seeds=(0, 1, 2))
    executor = make_executor("ray", address=cluster.address)
    assert executor.width == 3
    seen = []

    def lose(outcome) -> None:
        seen.append(outcome)
        if len(seen) == 2:
            cluster.remove_node(cluster.workers.pop(), allow_graceful=False)

    with Store(tmp_path / "ray") as store:
        assert fill(store, jobs, task, executor, on_outcome=lose).failures == {}
    assert len(seen) == len(jobs)
    with Store(tmp_path / "here") as store:
        fill(store, jobs, task, InProcess())
    check_same_rows(tmp_path / "here", tmp_path / "ray", jobs)


def test_an_address_that_does_not_answer() -> None:
    pytest.importorskip("ray")
    with pytest.raises(
        SettingsError, match=r"no Ray cluster answers at 127.0.0.1:1; start one with `ray start"
    ):
        make_executor("ray", address="127.0.0.1:1")
    with pytest.raises(SettingsError, match="give auto, local or HOST:PORT"):
        make_executor("ray", address="here:there")


def test_without_ray_the_extra_is_named(monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r'pip install "counterpoise\[ray\]"'):
        RayCluster()
