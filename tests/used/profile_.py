import cProfile, io, profile, pstats

for kind in cProfile.Profile, profile.Profile:
    profiler = kind()
    profiler.runcall(sorted, [2, 1])
    out = io.StringIO()
    pstats.Stats(profiler, stream=out).print_stats()
    print("function calls" in out.getvalue())
