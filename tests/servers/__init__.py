"""The library alone in a host project under every server that Python has, each started for real.

The servers run by the Python of the host projects' environment (tests/hosts), which has neither the
demo nor the developer's tools.
"""
