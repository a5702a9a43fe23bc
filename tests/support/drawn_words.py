"""What the pages draw, read from their source: what Streamlit takes for Markdown, and may be foreign."""

import ast
from collections.abc import Iterable
from pathlib import Path

# a call's arguments that Streamlit reads as Markdown, by place and by name; found by drawing a picture in each of them
LABEL = ((0,), ("label", "help"))
OPTIONS = ((0, 1), ("label", "help", "format_func", "options", "captions"))
MARKDOWN = {
    **dict.fromkeys(("markdown", "caption", "header", "subheader", "title", "write"), ((0,), ("body", "help"))),
    **dict.fromkeys(("error", "warning", "info", "success", "toast", "spinner", "html"), ((0,), ("body", "text"))),
    **dict.fromkeys(("button", "download_button", "form_submit_button", "checkbox", "toggle", "expander"), LABEL),
    **dict.fromkeys(("popover", "file_uploader", "camera_input", "text_input", "text_area", "number_input"), LABEL),
    **dict.fromkeys(("selectbox", "multiselect", "slider"), LABEL),  # their options are drawn as they are
    **dict.fromkeys(("radio", "segmented_control", "pills", "select_slider"), OPTIONS),
    "metric": ((0, 1, 2), ("label", "value", "delta", "help")),
    "progress": ((1,), ("text",)),
    "tabs": ((0,), ("tabs",)),
    "table": ((0,), ("data",)),
    "page_link": ((1,), ("label", "help")),
    "Column": LABEL, "NumberColumn": LABEL, "TextColumn": LABEL, "ListColumn": LABEL, "DatetimeColumn": LABEL,
    "LineChartColumn": LABEL, "column_config": LABEL,
}  # fmt: skip
# functions of the pages, which draw what they are given
OWN = {
    "answered": ((1,), ("task",)), "popover": ((0,), ("label",)),
    "link": ((1,), ("label",)), "run_link": ((1,), ("more",)),
}  # fmt: skip
# what makes foreign text safe, and what makes text of numbers
SAFE_CALLS = {
    "foreign",
    "sentence",
    "lines",
    "run_name",
    "len",
    "duration",
    "times",
    "int",
    "escape",
    "percent",
    "decimal",
    "exact",
}
NUMBERS = set("dfg%e,")


class Page:
    """A module of the views: which of its expressions hold nothing but our own words and numbers."""

    def __init__(self, path: Path, ours: Iterable[str]):
        self.ours, self.used = set(ours), set()
        inside = path.with_suffix("").parts
        self.stem = "/".join(inside[len(inside) - inside[::-1].index("pages") :]) if "pages" in inside else path.stem
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}
        self.asked: set[str] = set()

    def foreign(self) -> list[tuple[int, str]]:
        """Lines and expressions that are drawn and not known to be ours."""
        found = []
        for function in self.functions.values():
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                # `st.button`, `column.metric`; and `link` or `navigation.link`
                of_streamlit = MARKDOWN.get(getattr(call.func, "attr", ""))
                if drawing := of_streamlit or OWN.get(ast.unparse(call.func).rpartition(".")[2]):
                    places, names = drawing
                    if any(keyword.arg == "format_func" for keyword in call.keywords):
                        places = (0,)  # the options are drawn as it writes them
                    drawn = [call.args[place] for place in places if place < len(call.args)]
                    drawn += [keyword.value for keyword in call.keywords if keyword.arg in names]
                    found += [
                        (part.lineno, ast.unparse(part)) for whole in drawn for part in self.parts(whole, function)
                    ]
        return found

    def parts(self, node: ast.AST, function: ast.FunctionDef) -> list[ast.AST]:
        """The parts of an expression that are not known to be ours."""
        many = lambda nodes: [part for each in nodes for part in self.parts(each, function)]  # noqa: E731
        shown = ast.unparse(node)
        if known := {shown, f"{self.stem}: {shown}"} & self.ours:
            self.used |= known
            return []
        match node:
            case ast.Constant() | ast.Compare() | ast.UnaryOp():
                return []
            case ast.JoinedStr():
                return many(node.values)
            case ast.FormattedValue():
                return [] if _is_number(node) else self.parts(node.value, function)
            case ast.BinOp():
                return many([node.left, node.right])
            case ast.BoolOp() | ast.List() | ast.Tuple():
                return many(node.values if isinstance(node, ast.BoolOp) else node.elts)
            case ast.IfExp():
                return many([node.body, node.orelse])
            case ast.Starred():
                return self.parts(node.value, function)
            case ast.GeneratorExp() | ast.ListComp():
                return self.parts(node.elt, function)
            case ast.Lambda():
                return self.parts(node.body, function)
            case ast.Subscript() | ast.Attribute() if _is_table(node):
                return []
            case ast.Subscript():
                return self.parts(node.value, function)
            case ast.Call() if _is_table(node):
                return []
            case ast.Call():
                return self.call(node, function)
            case ast.Name() if _is_table(node) or node.id in SAFE_CALLS:
                return []
            case ast.Name():
                return self.name(node, function)
        return [node]

    def call(self, node: ast.Call, function: ast.FunctionDef) -> list[ast.AST]:
        match node.func:
            case ast.Name(id=name) if name in SAFE_CALLS:
                return []
            case ast.Name(id="count"):  # a number with its noun
                return [part for word in node.args[1:] for part in self.parts(word, function)]
            case ast.Name(id="map" | "list" | "tuple" | "sorted" | "range" | "capitalized"):
                return self.parts(node.args[0], function)
            case ast.Name(id=name) if name in self.functions:
                return self.returned(name)
            case ast.Attribute(attr="join"):
                return [part for each in [node.func.value, *node.args] for part in self.parts(each, function)]
            case ast.Attribute(attr="capitalize" | "format" | "lower" | "upper" | "strip" | "split"):
                return [part for each in [node.func.value, *node.args] for part in self.parts(each, function)]
        return [node]

    def returned(self, name: str) -> list[ast.AST]:
        """What a function of this module returns; each is looked at once."""
        if name in self.asked:
            return []
        self.asked.add(name)
        function = self.functions[name]
        values = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
        found = [part for value in values for part in self.parts(value, function)]
        self.asked.discard(name)
        return found

    def name(self, node: ast.Name, function: ast.FunctionDef) -> list[ast.AST]:
        """What a name was given in its function; a parameter or a loop's name is asked about by itself."""
        if node.id in self.functions:
            return self.returned(node.id)
        given = []
        for statement in ast.walk(function):
            match statement:
                case ast.Assign(targets=[ast.Name(id=node.id)], value=value) | ast.NamedExpr(
                    ast.Name(id=node.id), value
                ):
                    given.append(value)
                case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                    given += [v for n, v in zip(names, values, strict=False) if ast.unparse(n) == node.id]
                case ast.AugAssign(target=ast.Name(id=node.id), value=value):
                    given.append(value)
        given += self.looped(node.id, function)
        passed = self.passed(node.id, function)
        if passed is not None and not given:
            return passed
        if not given or node.id in self.asked:
            return [] if given else [node]
        self.asked.add(node.id)
        found = [part for value in given for part in self.parts(value, function)]
        self.asked.discard(node.id)
        return found

    def looped(self, name: str, function: ast.FunctionDef) -> list[ast.AST]:
        """What a loop over some tuples, or over a table of ours, gives a name."""
        assigned = {ast.unparse(n.targets[0]): n.value for n in ast.walk(function) if isinstance(n, ast.Assign)}
        given = []
        for loop in ast.walk(function):
            if isinstance(loop, ast.For | ast.comprehension):
                names = loop.target.elts if isinstance(loop.target, ast.Tuple) else [loop.target]
                place = [ast.unparse(each) for each in names]
                if name in place:
                    iterated = assigned.get(ast.unparse(loop.iter), loop.iter)
                    given += _items(iterated, place.index(name), len(names))
        return given

    def passed(self, name: str, function: ast.FunctionDef) -> list[ast.AST] | None:
        """What this module's functions pass for a parameter and is not known to be ours; None for no parameter."""
        arguments = [argument.arg for argument in [*function.args.args, *function.args.kwonlyargs]]
        if name not in arguments or not function.name.startswith("_"):
            return None
        found = []
        for caller in self.functions.values():
            for call in (c for c in ast.walk(caller) if isinstance(c, ast.Call)):
                if ast.unparse(call.func) == function.name:
                    by_name = {keyword.arg: keyword.value for keyword in call.keywords}
                    place = arguments.index(name)
                    value = call.args[place] if place < len(call.args) else by_name.get(name)
                    found += self.parts(value, caller) if value else []
        return found


def _items(iterated: ast.AST, place: int, count: int) -> list[ast.AST]:
    match iterated:
        case ast.Tuple(elts=rows) | ast.List(elts=rows):
            return [row.elts[place] if count > 1 and isinstance(row, ast.Tuple) else row for row in rows]
        case ast.Call(func=ast.Name(id="zip"), args=columns):
            return _items(columns[place], 0, 1)
        case ast.Call(func=ast.Name(id="enumerate"), args=[rows, *_]):
            return _items(rows, 0, 1) if place else [ast.Constant(0)]
        case ast.Call(func=ast.Name(id="range" | "sorted")):
            return [iterated.args[0]]
    return [iterated]


def _is_table(node: ast.AST) -> bool:
    """Whether an expression is of a constant: one of our own tables of words."""
    match node:
        case ast.Name(id=name):
            return name.isupper()
        case ast.Attribute(value=value, attr=attr):
            return attr.isupper() or _is_table(value)
        case ast.Subscript(value=value):
            return _is_table(value)
        case ast.Call(func=func):
            return _is_table(func)
    return False


def _is_number(node: ast.FormattedValue) -> bool:
    """Whether a value is formatted as only a number can be, as by `:,` or `:.2%`."""
    form = node.format_spec
    return isinstance(form, ast.JoinedStr) and bool(NUMBERS & set(str(getattr(form.values[-1], "value", ""))))
