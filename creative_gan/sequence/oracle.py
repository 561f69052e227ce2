"""The synthetic oracle of the SeqGAN experiment: a random recurrent generator whose likelihood is known.

Yu 2017, arXiv:1609.05473, section 4: an LSTM with parameters from N(0, 1) defines the data; a generator is
judged by the oracle's likelihood of its samples (NLL_oracle, which sharpening alone improves) and its own
likelihood of the oracle's samples (NLL_test).
"""

import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from creative_gan.core.draws import Draws, derive
from creative_gan.core.errors import DataError
from creative_gan.sequence.networks import LstmGenerator
from creative_gan.sequence.sampling import PLAIN, Decoding, sample
from creative_gan.sequence.tokens import Symbols

LENGTH = 20
ROWS_AT_ONCE = 2500


def symbols(size: int = 5000) -> Symbols:
    """The experiment's tokens: all are words, 0 is also the start, every sequence has the full length."""
    return Symbols(size, start=0, end=None, pad=0, banned=())


def random_oracle(seed: int, size: int = 5000, width: int = 32) -> LstmGenerator:
    """An oracle with parameters from N(0, 1), a pure function of the seed."""
    gates = [(width, width), (width, width), (width,)] * 4
    shapes = [(size, width), *gates, (width, size), (size,)]
    generator = torch.Generator().manual_seed(derive(seed, "oracle"))
    return oracle([torch.randn(shape, generator=generator) for shape in shapes])


def load_oracle(path: str | Path) -> LstmGenerator:
    """Reads an oracle's 15 arrays `p00` ... `p14` from a npz file, in the order that `oracle` takes them.

    Raises DataError if the file is no such archive.
    """
    hint = "an oracle is a npz file of 15 arrays p00 ... p14"
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = [torch.from_numpy(archive[f"p{index:02}"]).float() for index in range(15)]
    except FileNotFoundError:
        raise DataError(path, "no such file", hint) from None
    except KeyError as error:
        raise DataError(path, f"{error.args[0]}", hint) from None
    except (ValueError, TypeError, OSError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(path, f"cannot be read ({error})", hint) from None
    size, width = arrays[0].shape if arrays[0].ndim == 2 else (0, 0)
    wanted = [(size, width), *[(width, width), (width, width), (width,)] * 4, (width, size), (size,)]
    for index, (array, shape) in enumerate(zip(arrays, wanted, strict=True)):
        if tuple(array.shape) != shape or size == 0:
            raise DataError(path, f"p{index:02} has shape {tuple(array.shape)} and not {shape}", hint)
    return oracle(arrays)


@torch.no_grad()
def oracle(arrays: list[Tensor]) -> LstmGenerator:
    """An oracle from its parameters.

    Token vectors [V, H]; for the gates input, forget, output, candidate: W [H, H] applied as x·W, U [H, H]
    applied as h·U, b [H]; the output's W [H, V] and b [V].
    """
    size, width = arrays[0].shape
    model = LstmGenerator(symbols(size), embedding=width, width=width)
    # torch orders the gates input, forget, candidate, output and multiplies from the left.
    gates = [arrays[1 + 3 * gate : 4 + 3 * gate] for gate in (0, 1, 3, 2)]
    model.embedding.weight.copy_(arrays[0])
    layer = model.layers[0]
    assert isinstance(layer, nn.LSTM)
    w_ih, w_hh, b_ih, b_hh = layer.all_weights[0]
    w_ih.copy_(torch.cat([w.T for w, _, _ in gates]))
    w_hh.copy_(torch.cat([u.T for _, u, _ in gates]))
    b_ih.copy_(torch.cat([b for _, _, b in gates]))
    b_hh.zero_()
    model.output.weight.copy_(arrays[13].T)
    model.output.bias.copy_(arrays[14])
    return model.requires_grad_(False)


def sequences(
    model: LstmGenerator,
    count: int,
    seed: int,
    name: str = "train",
    longest: int = LENGTH,
    decoding: Decoding = PLAIN,
) -> Tensor:
    """Samples `count` sequences, a pure function of seed and name. Returns [count, longest] int64."""
    device = model.embedding.weight.device
    draws = Draws(derive(seed, name), 0, count, slice(0, count), device)
    parts = [
        sample(
            model, draws.chunk(slice(start, min(start + ROWS_AT_ONCE, count))), longest, decoding=decoding
        ).tokens
        for start in range(0, count, ROWS_AT_ONCE)
    ]
    return torch.cat(parts)
