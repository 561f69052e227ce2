"""Writes an exported file of texts once more from its record of origin."""

from pathlib import Path
from typing import Any

from creative_gan.core.errors import UserError
from creative_gan.core.models import of_record
from creative_gan.text.export import write_texts
from creative_gan.text.model import Manner, Model, load


def again(record: dict[str, Any], out: Path, model_name: str | None, overwrite: bool) -> None:
    """Writes to `out` what the record describes, byte for byte on the same machine.

    Raises:
        UserError: the model is gone, is another one, or the record is not one of ours.
    """
    try:
        model = of_record(record, model_name, load)
        arguments = dict(record["arguments"])
        count, arguments["label"] = arguments.pop("count"), arguments.pop("class")
        if type(count) is not int or not 0 < count < 10**7:
            raise ValueError("its count is no count")
        manner = Manner(**arguments)
        made = model.write(range(count), manner)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"the record of origin is damaged ({error})") from None
    write_texts(made, out, model.origin(count, manner), named(model, range(count), manner), overwrite)


def named(model: Model, indices: range, manner: Manner) -> list[str] | None:
    """The name of the class of each text; None where there are no classes."""
    labels = model.labels(indices, manner.label)
    return None if labels is None else [model.classes[i] for i in labels.tolist()]
