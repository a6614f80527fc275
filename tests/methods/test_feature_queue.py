"""The queue of past features: the last of each class, none twice, none of another class's."""

from __future__ import annotations

from collections import defaultdict, deque

import torch
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.methods.feature_queue import FeatureQueue


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=9), max_size=6), st.integers(1, 4))
def test_it_holds_the_last_features_of_each_class(batches, size) -> None:
    queue, wanted = (
        FeatureQueue.empty(3, size, 1, torch.device("cpu")),
        defaultdict(lambda: deque(maxlen=size)),
    )
    number = 0.0
    for labels in batches:
        features = []
        for label in labels:
            number += 1
            features.append([number])
            wanted[label].append(number)
        queue.push(torch.tensor(features, requires_grad=True), torch.tensor(labels), torch.ones(len(labels)))
    held = queue.counts.bool()
    for c in range(3):
        assert sorted(queue.features[c, held[c], 0].tolist()) == sorted(wanted[c])
    assert not queue.features.requires_grad


def test_cosines_labels_and_counts_go_together() -> None:
    queue = FeatureQueue.empty(2, 2, 2, torch.device("cpu"))
    queue.push(torch.tensor([[1.0, 0.0], [0.6, 0.8]]), torch.tensor([1, 1]), torch.tensor([2.0, 0.5]))
    assert queue.labels().tolist() == [0, 0, 1, 1]
    assert queue.counts.tolist() == [[0, 0], [2, 0.5]]
    torch.testing.assert_close(queue.cosines(torch.tensor([[0.0, 1.0]])), torch.tensor([[0, 0, 0, 0.8]]))


def test_rows_that_weigh_nothing_push_nothing_out() -> None:
    queue = FeatureQueue.empty(2, 2, 1, torch.device("cpu"))
    queue.push(torch.tensor([[1.0], [2.0]]), torch.tensor([0, 0]), torch.ones(2))
    queue.push(torch.tensor([[3.0], [4.0], [5.0]]), torch.tensor([0, 0, 1]), torch.tensor([0.0, 1.0, 0.0]))
    assert sorted(queue.features[0, :, 0].tolist()) == [2, 4]
    assert queue.counts.tolist() == [[1, 1], [0, 0]]
    assert queue.pushed.tolist() == [3, 0]
    assert FeatureQueue(**queue.memory()).counts.tolist() == queue.counts.tolist()
