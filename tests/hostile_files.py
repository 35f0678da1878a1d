"""Files that try to run code when they are loaded, or to exhaust or escape whoever loads them.

Each function takes the path to write and `mark`, a file that must not exist afterwards.
"""

import gzip
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import torch


class Reduced:
    """Unpickles to a call of `os.system`."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch '{self.mark}'",)


def _skops(path, record):
    """Write a skops file whose record is what a schema says."""
    content = {"record": record, "fit": _text(None)}
    root = {
        **_node("DictNode", "builtins", "dict"),
        "key_types": _list([_node("TypeNode", "builtins", "str")] * 2),
        "content": content,
        "protocol": 2,
        "_skops_version": "0.16.0",
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", json.dumps(root))


def _node(loader, module, name, **more):
    return {"__loader__": loader, "__module__": module, "__class__": name, **more}


def _text(value):
    return _node("JsonNode", "builtins", "str", content=json.dumps(value), is_json=True)


def _list(items, kind="list"):
    loader = {"list": "ListNode", "tuple": "TupleNode"}[kind]
    return _node(loader, "builtins", kind, content=items)


def _call(module, name, *args):
    """A node that calls ``module.name(*args)`` when it is built."""
    content = _list([_text(arg) for arg in args], "tuple")
    return _node("ConstructorFromReduceNode", module, name, content=content)


def _touch(mark):
    return f"__import__('pathlib').Path({str(mark)!r}).touch()"


def skops_eval(path, mark):
    _skops(path, _call("builtins", "eval", _touch(mark)))


def skops_exec(path, mark):
    _skops(path, _call("builtins", "exec", _touch(mark)))


def skops_runstring(path, mark):
    namespace = _node(
        "DictNode", "builtins", "dict", key_types=_list([]), content={}
    )  # what the string is run in
    args = _list([_text(_touch(mark)), namespace], "tuple")
    name = "numpy.testing._private.utils"
    _skops(path, _node("ConstructorFromReduceNode", name, "runstring", content=args))


def skops_map_of_a_partial(path, mark):
    partial = _node(
        "PartialNode",
        "functools",
        "partial",
        content={
            "func": _node("FunctionNode", "builtins", "eval"),
            "args": _list([_text(_touch(mark))], "tuple"),
            "kwds": _node("DictNode", "builtins", "dict", key_types=_list([]), content={}),
            "namespace": _text(None),
        },
    )
    # map(partial, [{}]) inside list() calls eval(code, {})
    calls = _node(
        "ConstructorFromReduceNode",
        "builtins",
        "map",
        content=_list([partial, _text([{}])], "tuple"),
    )
    args = _list([calls], "tuple")
    _skops(path, _node("ConstructorFromReduceNode", "builtins", "list", content=args))


def skops_methodcaller(path, mark):
    caller = _node(
        "OperatorFuncNode",
        "operator",
        "methodcaller",
        attrs=_list([_text("write_text"), _text("x")], "tuple"),
    )
    target = _call("pathlib", "PosixPath", str(mark))
    calls = _node(
        "ConstructorFromReduceNode",
        "builtins",
        "map",
        content=_list([caller, _list([target])], "tuple"),
    )
    args = _list([calls], "tuple")
    _skops(path, _node("ConstructorFromReduceNode", "builtins", "list", content=args))


def pickle_of_os_system(path, mark):
    path.write_bytes(pickle.dumps(Reduced(mark)))


def gzip_of_a_pickle(path, mark):
    path.write_bytes(gzip.compress(pickle.dumps(Reduced(mark))))


def torch_file(path, mark):
    torch.save({"weights": Reduced(mark)}, path)


def npz_of_objects(path, mark):
    data = io.BytesIO()
    np.savez(data, scores=np.array([Reduced(mark)], dtype=object))
    path.write_bytes(data.getvalue())


def npy_of_objects(path, mark):
    data = io.BytesIO()
    np.save(data, np.array([Reduced(mark)], dtype=object))
    path.write_bytes(data.getvalue())


def zip_that_climbs_out(path, mark):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(os.path.relpath(mark, Path(path).parent), "x")
        archive.writestr(str(mark), "x")
        archive.writestr("schema.json", "{}")


def zip_bomb(path, mark):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", bytes(50_000_000))


def terabyte(path, mark):
    """A file without blocks on disk that is larger than any memory."""
    with open(path, "wb") as file:
        file.truncate(2**40)


PICKLES = {
    pickle_of_os_system: lambda path: pickle.loads(path.read_bytes()),
    gzip_of_a_pickle: lambda path: pickle.loads(gzip.decompress(path.read_bytes())),
    torch_file: lambda path: torch.load(path, weights_only=False),
    npz_of_objects: lambda path: np.load(path, allow_pickle=True)["scores"],
    npy_of_objects: lambda path: np.load(path, allow_pickle=True),
}

ALL = (
    skops_eval,
    skops_exec,
    skops_runstring,
    skops_map_of_a_partial,
    skops_methodcaller,
    pickle_of_os_system,
    gzip_of_a_pickle,
    torch_file,
    npz_of_objects,
    npy_of_objects,
    zip_that_climbs_out,
    zip_bomb,
    terabyte,
)
