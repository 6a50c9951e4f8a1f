"""The command ``pruners``."""

from __future__ import annotations


def pruners():
    """Lists the pruners, with their papers and options."""
    import dataclasses
    import inspect

    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    from pns_tf.pruners import load, names

    for name in names():
        pruner = load(name)
        options = ", ".join(
            f"{field.name}={field.default!r}"
            for field in dataclasses.fields(pruner)
            if field.name != "seed"
        )
        print(f"{name}\n    {inspect.getdoc(pruner).splitlines()[0]}")
        print(f"    {pruner.reference}")
        print(f"    options: {options or 'none'}")
    print("\nSet options with seek --options='{name: value}'; your own pruner is module:Class.")
