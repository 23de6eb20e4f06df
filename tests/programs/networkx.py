# require: networkx
# musl
import networkx
assert networkx.shortest_path(networkx.path_graph(4), 0, 3) == [0, 1, 2, 3]
assert len(networkx.karate_club_graph()) == 34
print("ok")
