import multiprocessing, multiprocessing.managers, multiprocessing.shared_memory, operator

if __name__ == "__main__":
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(2) as pool:
            # A function of an importable module: the `__main__` of a directory is not imported again.
            print(method, pool.map(operator.neg, [1, 2]))
    with multiprocessing.Manager() as manager:
        print(manager.list([1, 2]))
    memory = multiprocessing.shared_memory.SharedMemory(create=True, size=1)
    memory.close()
    memory.unlink()
