"""What annotation tools write and read, as documents with regions and links; a module a tool.

May import ``marshmallow`` and, where a workbook is read or written, ``openpyxl``; nothing else of this program.
"""
