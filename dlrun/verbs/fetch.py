"""`dlrun fetch [DATA…]`: where every dataset is and whether it is whole; with names: gets and verifies them."""

from dlrun import console
from dlrun.config import catalogue
from dlrun.errors import DataError, UserError, nearest
from dlrun.files import download
from dlrun.verbs.parser import verb


def run(argv: list[str]) -> None:
    parser = verb("fetch", "Without a name: every dataset and its state. With names: gets them.", run=False, json=True)
    parser.add_argument("data", nargs="*", metavar="DATA", help="a dataset's name, or `all`")
    arguments = parser.parse_args(argv)
    tables = file_tables()
    for name in arguments.data:
        if name not in tables and name != "all":
            raise UserError(f"There is no data {name} to fetch. {nearest(name, [*tables, 'all'])}")
    names = list(tables) if not arguments.data or "all" in arguments.data else list(dict.fromkeys(arguments.data))
    problems = get_all(names, tables) if arguments.data else []
    rows = [
        {"data": name, "state": download.status(folder, table), "folder": str(download.data_root() / folder)}
        for name, (folder, table) in ((name, tables[name]) for name in names)
    ]
    if arguments.json:
        console.json_out(rows)
    else:
        console.table("data", ["data", "state", "folder"], [list(row.values()) for row in rows])
    if problems:
        raise DataError("\n".join(problems))


def file_tables() -> dict[str, tuple[str, download.Files]]:
    """choice -> (its folder, its files), for every dataset that needs files."""
    nodes = {name: catalogue.read("data", name) for name in catalogue.choices("data")}
    return {name: (node["name"], node["files"]) for name, node in nodes.items() if "files" in node}


def get_all(names: list[str], tables: dict[str, tuple[str, download.Files]]) -> list[str]:
    """Gets one after the other; a dataset that can't be had does not keep the others from coming."""
    problems = []
    for name in names:
        folder, table = tables[name]
        try:
            download.get(folder, table, progress=console.download())
        except DataError as error:
            problems.append(str(error))
    return problems
