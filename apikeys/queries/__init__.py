"""What pages and programs read back: filters, pages, usage, audit events. Changes nothing."""
