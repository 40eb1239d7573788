"""What a registry has under this name: a package that only says that it is the wrong one."""

raise ImportError("WRONG PACKAGE: this one holds nothing\nsee the vendor's documents")
