# require: biopython
import io
from Bio import Align, SeqIO
from Bio.Seq import Seq
record = next(SeqIO.parse(io.StringIO(">a\nATGGCC\n"), "fasta"))
assert record.seq.translate() == Seq("MA")
aligner = Align.PairwiseAligner(substitution_matrix=Align.substitution_matrices.load("BLOSUM62"))
assert aligner.score("MKV", "MKV") > 10
print("ok")
