"""A grammar cut into lexemes: as Lark rules, and as plain productions by which the cut can be judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence

from tasks.answers.gbnf.parser import LAST, Chars, Choice, Item, Name, Ranges, Repeat

SURROGATES = (0xD800, 0xDFFF)
Symbol = int | str
"""A lexeme by its number, or what productions describe by its name."""


class Shape:
    """The rules of a grammar, cut into lexemes: the items of sequences in which there is no recursion.

    Args:
        rules: the rules by name, ``root`` among them.
        split: items that are none; what they consist of is.
    """

    def __init__(self, rules: Mapping[str, Choice], *, split: Container[Item]) -> None:
        self.lexemes: list[Item] = []
        """What each lexeme is."""
        self.productions: dict[str, list[list[Symbol]]] = {}
        """Alternatives by name, ``start`` among them. A repetition may be any number of times here."""
        self.rules = rules
        self._split = split
        self._numbers: dict[Item, int] = {}
        self._regular = without_recursion(rules)
        self._names = {name: "start" if name == "root" else f"r{at}" for at, name in enumerate(rules)}
        self._places = {name: at for at, name in enumerate(rules)}
        self._asked, self._seen = ["root"], {"root"}
        self._lines = list(self._written())

    def lark(self) -> str:
        """The rules in llguidance's variant of Lark."""
        lines = [f"L{number}: {self._pattern(item)}" for number, item in enumerate(self.lexemes)]
        named = {name: at for at, name in enumerate(self.rules) if name in self._regular}
        lines += [f"R{at}: {self._pattern(self.rules[name])}" for name, at in named.items()]
        return "\n".join([*self._lines, *lines])

    def _written(self) -> Iterable[str]:
        """The rules that are not parts of lexemes, from the root on."""
        for name in self._asked:  # which grows meanwhile
            yield f"{self._names[name]}: {self._choice(self.rules[name], self._names[name])}"

    def _choice(self, choice: Choice, name: str) -> str:
        """Alternatives as Lark has them; notes them as productions of that name."""
        self.productions[name] = made = []
        texts = []
        for sequence in choice.alternatives:
            parts = [self._item(item) for item in sequence]
            made.append([symbol for symbol, _ in parts])
            texts.append(" ".join(text for _, text in parts) or '""')
        return " | ".join(texts)

    def _item(self, item: Item) -> tuple[Symbol, str]:
        """What stands for an item in a production, and in Lark."""
        if self._is_lexeme(item):
            number = self._numbers.setdefault(item, len(self.lexemes))
            if number == len(self.lexemes):
                self.lexemes.append(item)
            return number, f"L{number}"
        if isinstance(item, Name):
            if item.name not in self._seen:
                self._seen.add(item.name)
                self._asked.append(item.name)
            return self._names[item.name], self._names[item.name]
        name = f"g{len(self.productions)}"
        self.productions[name] = []
        if isinstance(item, Choice):
            return name, f"({self._choice(item, name)})"
        assert isinstance(item, Repeat)
        symbol, text = self._item(item.item)
        self.productions[name] = [[symbol] if item.least else [], [symbol] if item.most == 1 else [symbol, name]]
        return name, f"({text}){_times(item)}"

    def _is_lexeme(self, item: Item) -> bool:
        return isinstance(item, Chars) or (item not in self._split and _names(item) <= self._regular)

    def _pattern(self, item: Item) -> str:
        """A lexeme's regular expression, as a terminal of Lark."""
        match item:
            case Chars(ranges):
                return f"/{_class(ranges)}/"
            case Name(name):
                return f"R{self._places[name]}"
            case Repeat(inner, _, _):
                return f"({self._pattern(inner)}){_times(item)}"
            case Choice(alternatives):
                return "(" + " | ".join(map(self._sequence, alternatives)) + ")"

    def _sequence(self, items: Sequence[Item]) -> str:
        if items and all(isinstance(item, Chars) for item in items):
            return f"/{''.join(_class(item.ranges) for item in items if isinstance(item, Chars))}/"
        return " ".join(map(self._pattern, items)) or '""'


def _names(item: Item) -> set[str]:
    """The rules that an item refers to."""
    match item:
        case Name(name):
            return {name}
        case Repeat(inner, _, _):
            return _names(inner)
        case Choice(alternatives):
            return {name for sequence in alternatives for part in sequence for name in _names(part)}
    return set()


def without_recursion(rules: Mapping[str, Choice]) -> set[str]:
    """The rules that refer to rules without recursion only."""
    left = {name: _names(rule) for name, rule in rules.items()}
    users = defaultdict[str, list[str]](list)
    for name, names in left.items():
        for each in names:
            users[each].append(name)
    found = [name for name, names in left.items() if not names]
    for name in found:  # which grows meanwhile
        for user in users[name]:
            left[user].discard(name)
            if not left[user]:
                found.append(user)
    return set(found)


def _times(item: Repeat) -> str:
    return f"{{{item.least},{'' if item.most is None else item.most}}}"


def _class(ranges: Ranges) -> str:
    """A class of a regular expression; without surrogates, which UTF-8 has no form for."""
    first, last = SURROGATES
    parts = [part for low, high in ranges for part in ((low, min(high, first - 1)), (max(low, last + 1), high))]
    kept = [(low, high) for low, high in parts if low <= high] or [(LAST, LAST)]
    return "[" + "".join(rf"\u{{{low:x}}}-\u{{{high:x}}}" for low, high in kept) + "]"
