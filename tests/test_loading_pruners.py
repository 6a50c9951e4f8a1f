"""Pruners are loaded by name, or by module and class."""

import sys

import numpy as np
import pytest
from small_models import small_host

from pns_tf import pruners
from pns_tf.checks import InputError


class TestOwnPruner:
    SOURCE = (
        "import tensorflow as tf\n"
        "from pns_tf.pruners import Pruner\n"
        "class Smallest(Pruner):\n"
        "    def calculate_scores(self, network, x, y):\n"
        "        return [-tf.abs(variable) for variable in network.variables]\n"
        "nothing = 3\n"
    )

    @pytest.fixture(autouse=True)
    def _module_in_the_current_directory(self, tmp_path, monkeypatch):
        (tmp_path / "my_pruners.py").write_text(self.SOURCE)
        (tmp_path / "broken_pruners.py").write_text("raise OSError('no battery')\n")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in ("", str(tmp_path))])
        yield
        for module in ("my_pruners", "broken_pruners"):
            sys.modules.pop(module, None)

    def test_is_found_by_module_and_class(self):
        host = small_host()
        own, magnitude = pruners.get("my_pruners:Smallest", seed=4), pruners.get("magnitude")
        for a, b in zip(own.score(host), magnitude.score(host), strict=True):
            np.testing.assert_array_equal(a, -b)
        assert own.name == "Smallest"

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("no_such_module:Any", "No module named 'no_such_module'"),
            ("my_pruners:Any", "no attribute 'Any'"),
            ("my_pruners:nothing", "must be a class derived from"),
            ("my_pruners:", "cannot be loaded"),
            ("broken_pruners:Any", "OSError: no battery"),
        ],
    )
    def test_that_does_not_load_says_why(self, name, reason):
        with pytest.raises(InputError, match=reason) as error:
            pruners.get(name)
        assert "\n" not in str(error.value)


def test_an_unknown_pruner_or_option_lists_the_choices():
    with pytest.raises(InputError, match=r"snap.*choose from .*synflow.*did you mean 'snip'"):
        pruners.get("snap")
    with pytest.raises(InputError, match=r"option of pruner 'grasp' 'temp'.*temperature"):
        pruners.get("grasp", temp=1)
