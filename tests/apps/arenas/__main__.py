# Small programs have ordinary memory only; larger ones ask for huge pages, and give back what they
# no longer need.
# run:
# stdout: 0 at the start
# stdout: more than 16 MiB with much
# stdout: most of it returned
import os


def advised():
    """KiB of this process for which huge pages were asked; None without Linux or without such pages."""
    if os.name == "nt" or not os.path.isdir("/sys/kernel/mm/transparent_hugepage"):
        return None
    with open("/proc/self/smaps", "rb") as file:
        lines = file.read().decode().splitlines()
    size = total = 0
    for line in lines:
        key, *values = line.split()
        if key == "Size:":
            size = int(values[0])
        elif key == "VmFlags:":
            total += size * ("hg" in values)
    return total


before = advised()
print(before or 0, "at the start")
many = [(number, str(number)) for number in range(200_000)]
with_many = advised()
assert many[77_777] == (77_777, "77777") and many[-1] == (199_999, "199999")
assert before is None or with_many > 16 << 10, with_many
print("more than 16 MiB with much")
del many
after = advised()
assert before is None or after < with_many // 2, (after, with_many)
print("most of it returned")
