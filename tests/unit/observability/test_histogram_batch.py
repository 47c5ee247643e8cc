from prometheus_client import CollectorRegistry, Histogram

from handfast.observability.histogram_batch import HistogramBatch

BOUNDS = (0.1, 1.0)


def samples(values, *, batched):
    registry = CollectorRegistry()
    histogram = Histogram("t", "t", ["l"], buckets=BOUNDS, registry=registry)
    batch = HistogramBatch(BOUNDS)
    for value in values:
        if batched:
            batch.observe(value)
        else:
            histogram.labels("a").observe(value)
    batch.move_to(histogram, "a")
    batch.move_to(histogram, "a")
    return {
        (item.name, item.labels.get("le")): item.value
        for family in registry.collect()
        for item in family.samples
        if not item.name.endswith("_created")
    }


def test_a_batch_says_what_single_observations_say():
    values = [0.05, 0.1, 0.5, 1.0, 1.5, 100.0]
    assert samples(values, batched=True) == samples(values, batched=False)


def test_an_empty_batch_says_nothing():
    assert samples([], batched=True) == {}
