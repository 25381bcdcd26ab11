"""What the product can do: a folder a function, and the kit that they share."""

import os

# Before numpy is imported. For pieces of work as small as ours its BLAS would start threads that
# mostly wait, and wait busily: twice the CPU seconds. Whoever sets it otherwise has it so.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
