"""Where a host has put the management API and the pages: prefixes, URLconfs, hosts, sub-paths."""
