"""Floor 4: readers and writers of scans, scenes, cameras, images and videos; nothing else. Import its modules."""
