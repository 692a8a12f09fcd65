"""What TabSyn, STaSy and TabDiff share: tokens of a row, noise levels, the frame of a generator."""
