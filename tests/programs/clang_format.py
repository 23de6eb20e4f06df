# require: clang-format
# entry: clang-format
# file: a.c = int main( ){return  0;}\n
# run: a.c
# stdout: int main() { return 0; }
