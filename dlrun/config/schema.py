"""A JSON Schema (draft 2020-12) of a run's config, made of conf/ and of the signatures that its values are checked by.

Signatures are read from the source, so that neither torch nor any of the parts is imported.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib.resources import files
from typing import Annotated, get_args, get_origin

from dlrun import limits
from dlrun.config import catalogue
from dlrun.limits import Range

Node = dict[str, object]  # a schema, or a part of one
Signature = dict[str, Node]  # an option's name -> what its type says

PLAIN = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}
BUILT_BY = {"trainer": "dlrun.config.settings.Settings", "device": "dlrun.device.choose"}  # groups without a _target_
TOP: dict[str, Node] = {
    "seed": {"type": "integer"},
    "batch_size": {"type": "integer", "minimum": 1},
    "stand_in": {"enum": ["auto", "never", "always"]},
    "trusted": {"type": ["array", "null"], "items": {"type": "string"}},
    "folder": {"type": ["string", "integer"]},
}
OF_GROUP: dict[str, Signature] = {  # options that dlrun takes out before a part is built, or checks beside it
    "optim": {"lr": {"type": "number", "minimum": 0}},
    "scheduler": {
        "every": {"enum": ["step", "epoch", "evaluation"]},
        "warmup": {"type": "integer", "minimum": 0},
    },
    "data": {"name": {"type": "string"}, "files": {"type": "object"}},
}


def schema(group: str | None = None) -> Node:
    """Of a whole config.yaml, or of one group's part of it. Each choice stands in $defs, as `model=lstm`."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    groups = [group] if group else list(catalogue.PARTS)
    definitions = {f"{each}={name}": choice(each, name) for each in groups for name in catalogue.choices(each)}
    if group:
        return {**head, "title": f"{group} of a dlrun run", **any_choice(group), "$defs": definitions}
    told = catalogue.key_help("", "config")
    values = catalogue.read("", "config")
    top = {key: option(each, values.get(key), told.get(key)) for key, each in TOP.items()}
    return {
        **head,
        "title": "config.yaml of a dlrun run",
        "type": "object",
        "properties": {
            **top,
            "launcher": launcher(values["launcher"]),
            "choices": names(),
            **{each: any_choice(each) for each in groups},
        },
        "required": [*TOP, "choices", *groups],
        "additionalProperties": False,
        "$defs": definitions,
    }


def any_choice(group: str) -> Node:
    """One of those that there are, or one of the user's own."""
    parts: list[Node] = [{"$ref": f"#/$defs/{group}={name}"} for name in catalogue.choices(group)]
    if group in catalogue.BUILT:
        known = [{"pattern": r"^dlrun\."}, {"enum": sorted(catalogue.targets(group))}]
        own = {"type": "string", "not": {"anyOf": known}}
        own_part = {"description": "one of your own", "properties": {"_target_": own}, "required": ["_target_"]}
        parts.append({"type": "object", **own_part})
    return {"description": f"typed as {group}=NAME; each of its keys as {group}.KEY=VALUE", "anyOf": parts}


def names() -> Node:
    groups = {
        group: {"anyOf": [{"enum": catalogue.choices(group)}, {"type": "string", "description": "one of your own"}]}
        for group in catalogue.GROUPS
    }
    return {"type": "object", "description": "group -> what was chosen", "properties": groups}


def launcher(values: Node) -> Node:
    """Of sweeps alone: it can be typed, but is in no run's config."""
    known, told = signature("dlrun.sweep.launcher.Launcher"), catalogue.key_help("", "config")
    keys = {key: option(known.get(key, {}), value, told.get(f"launcher.{key}")) for key, value in values.items()}
    return {"type": "object", "description": "of sweeps: dlrun -m …", "properties": keys, "additionalProperties": False}


def choice(group: str, name: str) -> Node:
    values, told = catalogue.read(group, name), all_help(group, name)
    target = str(values.get("_target_") or BUILT_BY[group])
    known = signature(target) if target.startswith("dlrun.") else of_torch(values)
    known = known | OF_GROUP.get(group, {})
    keys = {
        key: option(known.get(key) or like(value), value, told.get(f".{key}") or told.get(key))
        for key, value in values.items()
        if key not in ("_target_", *(catalogue.FILES if group == "data" else ()))
    }
    if group == "data":
        keys |= OF_GROUP["data"]
    if "_target_" in values:
        keys = {"_target_": {"const": target}, **keys}
    ours = target.startswith("dlrun.")
    required = [key for key in keys if key not in catalogue.FILES or group != "data"]
    return {"type": "object", "properties": keys, "required": required, "additionalProperties": not ours}


def option(known: Node, value: object, told: tuple[str, str] | None) -> Node:
    """An option with its help and its default; a default that refers to another key is said in words."""
    refers = isinstance(value, str) and "${" in value
    text = told[1] if told else ""
    if refers:
        text = f"{text} (by itself: {value})".lstrip()
    return {
        **({"description": text} if text else {}),
        **known,
        **({} if refers else {"default": value}),
    }


def all_help(group: str, name: str) -> dict[str, tuple[str, str]]:
    """Those of the files that it builds on as well."""
    content = catalogue.loaded(group, name)
    found: dict[str, tuple[str, str]] = {}
    for entry in content.get("defaults", []):
        if isinstance(entry, str) and entry != "_self_":
            found |= all_help(group, entry)
    return found | catalogue.key_help(group, name)


# types


def of_torch(values: Node) -> Signature:
    """Torch's signatures say no types: those that dlrun knows, else that of the value in the YAML."""
    known = {key: of_hint(hint) for key, hint in limits.OF_TORCH.items()}
    return {key: known.get(key) or like(value) for key, value in values.items()}


def like(value: object) -> Node:
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        return {"type": "number"}
    if isinstance(value, list):
        return {"type": "array"}
    return {"type": "string"} if isinstance(value, str) and "${" not in value else {}


def of_hint(hint: object) -> Node:
    """Of a type of limits.py."""
    inner = get_args(hint)
    if get_origin(hint) is Annotated:
        return of_hint(inner[0]) | of_range(next(each for each in inner[1:] if isinstance(each, Range)))
    if get_origin(hint) is list:
        return {"type": "array", "items": of_hint(inner[0])}
    if inner:
        return {"anyOf": [of_hint(each) for each in inner]}
    return {"type": PLAIN[getattr(hint, "__name__", "str")]}


def of_range(span: Range) -> Node:
    low = {"exclusiveMinimum" if span.open_low else "minimum": span.low}
    high = {"exclusiveMaximum" if span.open_high else "maximum": span.high}
    return {key: end for key, end in (low | high).items() if end is not None and abs(end) < 2**62}


@cache
def signature(target: str) -> Signature:
    """What a class or function of ours takes after its star, or a dataclass has as fields."""
    module, _, name = target.rpartition(".")
    tree = source(module)
    found = next(
        (each for each in tree if isinstance(each, ast.ClassDef | ast.FunctionDef) and each.name == name), None
    )
    if found is None:
        imports = (each for each in tree if isinstance(each, ast.ImportFrom))
        return signature(f"{next(e.module for e in imports if name in {alias.name for alias in e.names})}.{name}")
    if isinstance(found, ast.FunctionDef):
        return typed(found.args.kwonlyargs, tree)
    for each in found.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return typed(each.args.kwonlyargs, tree)
    if found.bases:
        return signature(f"{module}.{ast.unparse(found.bases[0])}")
    fields = [each for each in found.body if isinstance(each, ast.AnnAssign)]
    return {ast.unparse(each.target): of_annotation(each.annotation, tree) for each in fields}


@cache
def source(module: str) -> list[ast.stmt]:
    """Of a module of ours."""
    path = files("dlrun").joinpath(f"{module.removeprefix('dlrun.').replace('.', '/')}.py")
    return ast.parse(path.read_text(encoding="utf-8")).body


def typed(arguments: list[ast.arg], tree: list[ast.stmt]) -> Signature:
    return {each.arg: of_annotation(each.annotation, tree) for each in arguments if each.annotation}


def of_annotation(node: ast.expr, tree: list[ast.stmt]) -> Node:
    """What a type says, as it stands in the source; nothing of one that is not known here."""
    if isinstance(node, ast.Constant):
        return {"type": "null"} if node.value is None else {}
    if isinstance(node, ast.BinOp):
        return either(of_annotation(node.left, tree), of_annotation(node.right, tree))
    if isinstance(node, ast.Name):
        return of_name(node.id, tree)
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "limits":
        return of_name(node.attr, tree)
    if not isinstance(node, ast.Subscript):
        return {}
    kind, inner = ast.unparse(node.value), node.slice
    if kind == "Literal":
        values = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        return {"enum": [ast.literal_eval(each) for each in values]}
    if kind == "Annotated" and isinstance(inner, ast.Tuple):
        return of_annotation(inner.elts[0], tree)
    if kind not in ("list", "tuple", "Sequence"):
        return {}
    several = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if kind != "tuple" or ast.unparse(several[-1]) == "...":
        return {"type": "array", "items": of_annotation(several[0], tree)}
    each = [of_annotation(one, tree) for one in several]
    return {"type": "array", "prefixItems": each, "minItems": len(each), "maxItems": len(each)}


def of_name(name: str, tree: list[ast.stmt]) -> Node:
    if name in PLAIN:
        return {"type": PLAIN[name]}
    if hasattr(limits, name):
        return of_hint(getattr(limits, name))
    for each in tree:
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == name:
            return of_annotation(each.value, tree)
        if isinstance(each, ast.ImportFrom) and name in {alias.name for alias in each.names}:
            return of_name(name, source(str(each.module))) if str(each.module).startswith("dlrun.") else {}
    return {}


def either(left: Node, right: Node) -> Node:
    """`int | None` in one line where that can be said; whatever fits none of the known types fits."""
    if not left or not right:
        return {}
    if right == {"type": "null"} and isinstance(left.get("type"), str):
        return {**left, "type": [left["type"], "null"]}
    if right == {"type": "null"} and isinstance(known := left.get("enum"), list):
        return {"enum": [*known, None]}
    several = left.get("anyOf")
    return {"anyOf": [*(several if isinstance(several, list) else [left]), right]}
