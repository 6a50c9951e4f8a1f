"""Search among masks themselves: single flips measured exactly, and swaps that help are kept."""
