import traceback, warnings, tracemalloc, faulthandler

try:
    import jsno
except ImportError as error:
    print("".join(traceback.format_exception_only(error)))
tracemalloc.start()
print(len(tracemalloc.take_snapshot().traces) >= 0)
warnings.simplefilter("error")
