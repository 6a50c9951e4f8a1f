"""``python -m pns_tf``: the command line."""

from pns_tf.commands import main

if __name__ == "__main__":
    main()
