import concurrent.futures

if __name__ == "__main__":
    for pool in concurrent.futures.ThreadPoolExecutor, concurrent.futures.ProcessPoolExecutor:
        with pool(2) as executor:
            print(list(executor.map(abs, [-1, 2])))
