"""What is written of a model can be read, by people too."""

import json

from creative_gan.core.models import description


def test_a_description_is_json_with_a_line_for_each_setting() -> None:
    config = {
        "name": '猫 "x"',
        "openings": [[3, 0], [6, 16]] * 500,
        "network": {"width": 8, "of": {}},
        "critic": None,
    }
    text = description(config)
    assert json.loads(text) == config and list(json.loads(text)) == list(config)
    assert text.splitlines()[1] == ' "name": "猫 \\"x\\"",'
    assert text.splitlines()[3:7] == [' "network": {', '  "width": 8,', '  "of": {}', " },"]
    assert len(text.splitlines()) == 9 and text.endswith("}\n")
