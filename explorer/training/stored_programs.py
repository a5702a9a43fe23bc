"""Compiled functions over a network's variables, taken from disk where an earlier process has traced and compiled them.

XLA finds what it has compiled by the names of the functions and all that they call. TensorFlow numbers these names, so
that they differ between processes: the traced graphs are stored too, with names of their own, and the process that
traced them calls what it has stored.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from explorer.files import replace_file
from explorer.training import program_files
from explorer.training.frameworks import XLA_FOLDER, tf
from explorer.training.program_files import Stored

# the name of a compiled program's file when it is complete
COMPILED = re.compile(r"xla_compile_cache__\d+__\d+__XLA_CPU_JIT\.pb")


class StoredPrograms:
    """The compiled functions of one network, which read and change `variables` only.

    `key` stands for all that they depend on. The functions are stored by `keep`, after their first calls.
    """

    def __init__(self, key: str, variables: Sequence[tf.Variable]):
        self._key = key
        self._handles = [variable.handle for variable in variables]
        self._stored = program_files.read(key)
        self._about: dict[str, Any] = {}
        self._parts: dict[str, bytes] = {}
        for name, content in self._stored.parts.items() if self._stored else ():
            if COMPILED.fullmatch(name):
                with replace_file(XLA_FOLDER / name, durable=False) as stream:
                    stream.write(content)

    def function(self, name: str, traced: Callable) -> Callable[..., list[tf.Tensor]]:
        """What to call instead of a `tf.function` with an input signature; the results come as a flat list.

        Raises `ValueError` for one that captures anything but the variables.
        """
        if self._stored:
            graph, ends = tf.compat.v1.GraphDef.FromString(self._stored.parts[name]), self._stored.about[name]
        else:
            graph, ends = _graph_of(traced, self._handles)
            _rename_functions(graph, self._key)
            self._parts[name], self._about[name] = graph.SerializeToString(deterministic=True), ends
        return _imported(graph, ends, self._handles, traced.input_signature)

    def keep(self) -> None:
        """Stores the functions and what was compiled of them, if they do not come from disk."""
        compiled = {path: path.read_bytes() for path in XLA_FOLDER.iterdir() if COMPILED.fullmatch(path.name)}
        own = {path: content for path, content in compiled.items() if self._key.encode() in content}
        if not self._stored:
            parts = self._parts | {path.name: content for path, content in own.items()}
            program_files.write(self._key, Stored(self._about, parts))
        for path in own:  # it is in memory now
            path.unlink(missing_ok=True)


def _graph_of(traced: Callable, handles: Sequence[tf.Tensor]) -> tuple[tf.compat.v1.GraphDef, dict[str, Any]]:
    """A graph that does nothing but call a function, and the names of the call's ends.

    These are its arguments, its results, and the variables that it uses, each with its number.
    """
    concrete = traced.get_concrete_function()
    signature = concrete.structured_input_signature[0]

    def call(*arguments):
        return tf.nest.flatten(concrete(*tf.nest.pack_sequence_as(signature, arguments)))

    outer = tf.function(call, input_signature=tf.nest.flatten(signature), autograph=False).get_concrete_function()
    numbers = {id(handle): number for number, handle in enumerate(handles)}
    captures = [(inside.name, numbers.get(id(handle))) for handle, inside in outer.graph.captures]
    if any(number is None for _, number in captures):
        raise ValueError("the function captures more than the network's variables")
    ends = {
        "arguments": [tensor.name for tensor in outer.inputs[: len(outer.inputs) - len(captures)]],
        "results": [tensor.name for tensor in outer.outputs],
        "variables": dict(captures),
    }
    return outer.graph.as_graph_def(), ends


def _rename_functions(graph: tf.compat.v1.GraphDef, key: str) -> None:
    """Adds a key to the names of all functions of a graph, so that they are no other graph's."""
    functions = graph.library.function
    names = {function.signature.name: f"{function.signature.name}_{key}" for function in functions}
    for function in functions:
        function.signature.name = names[function.signature.name]
    for node in [*graph.node, *(node for function in functions for node in function.node_def)]:
        for value in node.attr.values():
            for called in [value.func, *value.list.func] if value.WhichOneof("value") in ("func", "list") else ():
                if called.name in names:
                    called.name = names[called.name]


def _imported(
    graph: tf.compat.v1.GraphDef, ends: dict[str, Any], handles: Sequence[tf.Tensor], signature: Sequence[Any]
) -> Callable:
    whole = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    program = whole.prune([*ends["arguments"], *ends["variables"]], ends["results"])
    used = [handles[number] for number in ends["variables"].values()]

    def call(*arguments):
        # the handles are captured: passing hundreds of them in each call would take milliseconds
        return program(*tf.nest.flatten(arguments), *used)

    function = tf.function(call, input_signature=signature, autograph=False)
    # traced now and not by its first call, of which TensorFlow would warn: each network has such a function of its own
    function.get_concrete_function()
    return function
