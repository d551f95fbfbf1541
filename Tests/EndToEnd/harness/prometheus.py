"""The Prometheus text format, as much as the tests need of it."""

import re

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|\Z)')


class Samples(list):
    """(name, labels, value) triples."""

    def matching(self, name, **labels):
        return [
            sample for sample in self
            if sample[0] == name and all(sample[1].get(key) == value for key, value in labels.items())
        ]

    def sum(self, name, **labels):
        """The sum over all samples of the name whose labels include the given ones; an unknown name is an error."""
        assert any(sample[0] == name for sample in self), (
            f"no metric {name}; there are {sorted({sample[0] for sample in self})}")
        return sum(value for _, _, value in self.matching(name, **labels))

    def names(self):
        return {name for name, _, _ in self}


def parse(text):
    samples = Samples()
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        assert match, f"not a sample line: {line!r}"
        labels = dict(LABEL.findall(match.group(2) or ""))
        samples.append((match.group(1), labels, float(match.group(3))))
    return samples
