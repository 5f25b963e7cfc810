"""The operator's view of the archive: list it, look into it, verify it, mend it, compare two of them.

What is here takes nothing for granted that a file or a name says: all of it is compared with what is in the file.
"""
