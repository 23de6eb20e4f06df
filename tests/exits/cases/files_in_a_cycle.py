# fast
class Node:
    pass


node = Node()
node.own = node
node.file = open("cycle.txt", "w")
node.file.write("held by a cycle")
del node
kept = [open(f"{number}.txt", "w") for number in range(20)]
for number, file in enumerate(kept):
    file.write(str(number) * 50)
kept.append(kept)
