"""Source luma and predicted ab become the result's planes: Y copied, Cb and Cr made."""
