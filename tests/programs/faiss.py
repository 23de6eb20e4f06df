# require: faiss-cpu
import faiss, numpy as np
index = faiss.IndexFlatL2(4)
index.add(np.eye(4, dtype="float32"))
assert index.search(np.array([[0, 1, 0, 0]], dtype="float32"), 1)[1][0][0] == 1
print("ok")
