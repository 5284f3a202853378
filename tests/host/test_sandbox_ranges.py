"""Ranges against sets of plain numbers."""

import random

from ways_device.sandbox.ranges import head, intersect, size, subtract, union


def numbers(ranges):
    return {n for first, last in ranges for n in range(first, last + 1)}


def random_ranges(rng):
    spans = [(rng.randrange(40), rng.randrange(8)) for _ in range(rng.randrange(6))]
    return union((first, first + length) for first, length in spans)


def test_the_operations_agree_with_those_on_sets():
    rng = random.Random(1)
    for _ in range(500):
        a, b, count = random_ranges(rng), random_ranges(rng), rng.randrange(20)
        assert numbers(subtract(a, b)) == numbers(a) - numbers(b)
        assert numbers(intersect(a, b)) == numbers(a) & numbers(b)
        assert sorted(numbers(head(a, count))) == sorted(numbers(a))[:count]
        assert size(a) == len(numbers(a))


def test_a_union_joins_what_touches_and_sorts():
    assert union([(5, 6), (0, 1), (2, 3), (5, 5)]) == [(0, 3), (5, 6)]


def test_a_huge_range_costs_nothing():
    assert subtract([(0, 2**32 - 1)], [(7, 7)]) == [(0, 6), (8, 2**32 - 1)]
