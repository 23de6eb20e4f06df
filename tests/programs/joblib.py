# require: joblib numpy
"""Processes in each way that there is."""
import concurrent.futures, multiprocessing
import joblib

def square(number): return number * number
if __name__ == "__main__":
    assert joblib.Parallel(2)(joblib.delayed(square)(number) for number in range(4)) == [0, 1, 4, 9]
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(square, range(3)) == [0, 1, 4], method
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        assert list(pool.map(square, range(3))) == [0, 1, 4]
    print("ok")
