# require: openpyxl
# musl
import openpyxl
book = openpyxl.Workbook(); book.active["A1"] = 42; book.save("a.xlsx")
assert openpyxl.load_workbook("a.xlsx").active["A1"].value == 42
print("ok")
