"""Settings that tests run with: the demo's, the demo's with the stock user, the library's alone.

Must import none of them: `library` stands only where the demo is not imported.
"""
