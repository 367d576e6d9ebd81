"""River models as bytes, read back through an allow-list.

River has no format of its own, so its models travel as pickles. Reading admits only the
classes that such a model is made of; anything else is a :class:`StateError`.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from analyzer.errors import StateError

DIGEST_BYTES = 16

_ALLOWED = {
    ("builtins", "float"),
    ("builtins", "set"),
    ("builtins", "tuple"),
    ("collections", "Counter"),
    ("collections", "OrderedDict"),
    ("collections", "defaultdict"),
    ("functools", "partial"),
    ("random", "Random"),
    ("river._river_rust.stats", "RsQuantile"),
    ("river._river_rust.vectordict", "VectorDict"),
    ("river.anomaly.filter", "QuantileFilter"),
    ("river.anomaly.hst", "HSTBranch"),
    ("river.anomaly.hst", "HSTLeaf"),
    ("river.anomaly.hst", "HalfSpaceTrees"),
    ("river.compose.pipeline", "Pipeline"),
    ("river.linear_model.log_reg", "LogisticRegression"),
    ("river.optim.initializers", "Zeros"),
    ("river.optim.losses", "Log"),
    ("river.optim.schedulers", "Constant"),
    ("river.optim.sgd", "SGD"),
    ("river.preprocessing.scale", "StandardScaler"),
    ("river.stats.quantile", "Quantile"),
    ("river.tree.padded", "PaddedBranch"),
    ("river.tree.padded", "PaddedLeaf"),
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Only the classes that the models in this package are made of, by their exact names."""
        if (module, name) in _ALLOWED:
            return super().find_class(module, name)
        raise StateError(f"a saved model names {(module, name)}, which no model of ours holds")


def dump(model: object) -> bytes:
    """The model as bytes, behind their digest: River's Rust may take damage for numbers."""
    data = pickle.dumps(model, protocol=4)
    return _digest(data) + data


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


def load(data: bytes) -> Any:
    """The model in these bytes.

    Raises
    ------
    StateError
        If the bytes are damaged, made by another River, or hold anything but a model.
    """
    digest, saved = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    if digest != _digest(saved):
        raise StateError("a saved model is damaged, or was saved by another version")
    try:
        return _Reader(io.BytesIO(saved)).load()
    except StateError:
        raise
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # any damage shows as any error, or as a panic of River's Rust
        raise StateError(f"a saved model can't be read: {error!r}") from error


def probe(use: Callable[[], None]) -> None:
    """Use a model that was read, once: a damaged one may load and fail later.

    Raises
    ------
    StateError
        If it fails.
    """
    try:
        use()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # as above
        raise StateError(f"a saved model can't be used: {error!r}") from error
