"""The lab's first process: it keeps the objects, makes nodes and pods of them, and watches over the others."""
