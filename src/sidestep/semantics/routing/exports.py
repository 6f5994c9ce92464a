"""Who sees an object: `exportTo`, its default, and its short forms.

Source: pilot/pkg/model/virtualservice_controller.go, push_context.go (serviceExportTo).
"""

PUBLIC = "*"
_OWN = "."
_NOBODY = "~"


def exports(written: tuple[str, ...], default: tuple[str, ...], namespace: str) -> frozenset[str]:
    """Namespaces that see an object of a namespace; `*` among them stands for all, and none for nobody."""
    found = frozenset(namespace if each == _OWN else each for each in written or default)
    if PUBLIC in found:
        return frozenset({PUBLIC})
    return frozenset() if _NOBODY in found else found


def visible(exported: frozenset[str], namespace: str) -> bool:
    """Whether a namespace sees what is exported so."""
    return PUBLIC in exported or namespace in exported
