"""The oracle is that of the paper: its own samples have the likelihood that is known of it."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from creative_gan.core.errors import DataError
from creative_gan.sequence.likelihood import nll
from creative_gan.sequence.oracle import load_oracle, oracle, random_oracle, sequences

DATA = Path(os.environ.get("CREATIVE_GAN_DATA", Path(__file__).parents[3] / "shared/data"))


def arrays(size: int = 7, width: int = 4) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    gates = [(width, width), (width, width), (width,)] * 4
    shapes = [(size, width), *gates, (width, size), (size,)]
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def save(path: Path, named: dict[str, Any]) -> None:
    np.savez(path, **named)


def test_a_cell_step_is_the_formula_of_the_paper() -> None:
    p = [torch.from_numpy(a) for a in arrays()]
    model = oracle(p)
    tokens = torch.tensor([[3, 1, 6, 2]])
    logits, (h, c) = model(tokens), (torch.zeros(4), torch.zeros(4))
    for t, token in enumerate([0, 3, 1, 6]):
        x = p[0][token]
        i, f, o, g = (x @ p[1 + 3 * k] + h @ p[2 + 3 * k] + p[3 + 3 * k] for k in range(4))
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        torch.testing.assert_close(logits[0, t], h @ p[13] + p[14], rtol=1e-4, atol=1e-5)


def test_a_file_gives_the_same_oracle(tmp_path: Path) -> None:
    save(tmp_path / "o.npz", {f"p{i:02}": a for i, a in enumerate(arrays())})
    tokens = torch.tensor([[3, 1, 6, 2]])
    want = oracle([torch.from_numpy(a) for a in arrays()])(tokens)
    assert torch.equal(load_oracle(tmp_path / "o.npz")(tokens), want)


def test_files_that_are_no_oracle_are_named(tmp_path: Path) -> None:
    good = {f"p{i:02}": a for i, a in enumerate(arrays())}
    path = tmp_path / "o.npz"
    with pytest.raises(DataError, match="no such file"):
        load_oracle(path)
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(DataError, match="cannot be read"):
        load_oracle(path)
    save(path, {name: a for name, a in good.items() if name != "p07"})
    with pytest.raises(DataError, match="p07"):
        load_oracle(path)
    save(path, good | {"p04": np.zeros((3, 4), np.float32)})
    with pytest.raises(DataError, match=r"p04 has shape \(3, 4\)"):
        load_oracle(path)
    save(path, good | {"p00": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(DataError, match="cannot be read"):
        load_oracle(path)


def test_random_oracle_is_a_function_of_its_seed() -> None:
    one, same, other = random_oracle(1, 50), random_oracle(1, 50), random_oracle(2, 50)
    assert torch.equal(one.output.weight, same.output.weight)
    assert not torch.equal(one.output.weight, other.output.weight)
    assert one.output.weight.std() == pytest.approx(1, abs=0.1)
    assert torch.equal(sequences(one, 30, 5), sequences(same, 30, 5))
    assert not torch.equal(sequences(one, 30, 5, "train"), sequences(one, 30, 5, "test"))


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "seqgan-oracle.npz").exists(), reason="needs the real data")
def test_published_oracle_has_the_published_likelihood() -> None:
    model = load_oracle(DATA / "seqgan-oracle.npz")
    made = sequences(model, 2000, 0)
    assert nll(model, made, torch.full((2000,), 20)) == pytest.approx(5.74, abs=0.03)
